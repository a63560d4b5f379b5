"""Small systems of paper 002: microgrids with sun, demand and perhaps storage, and a grid."""

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np

from mmgsim.contracts import (
    Battery,
    CarriedState,
    Disclosure,
    Envelope,
    Load,
    Renewable,
    RenewableKind,
    Window,
    frozen,
)
from mmgsim.subproblems import storage_rules
from mmgsim.subproblems.connection import PublicPrices
from mmgsim.subproblems.doors import RobustRules
from mmgsim.subproblems.robust_problem import RobustProblem
from mmgsim.testing.samples import END_OF_WINDOW

LOST, GRID_KW, MISS = 5.0, 40.0, 100.0
BATTERY = Battery("bess", 12.0, 2.0, 3.0, 0.92, 0.05)


class System:
    """A window of microgrids, as arrays (members, steps) and as messages."""

    def __init__(self, load_kw, sun_kw, low_kw, *, has_storage=True, grid_kw=GRID_KW, sell=0.2):
        self.load_kw, self.sun_kw = np.array(load_kw, float), np.array(sun_kw, float)
        self.low_kw, self.has_storage = np.array(low_kw, float), has_storage
        members, steps = self.load_kw.shape
        hours = np.arange(steps)
        self.buy = np.where(hours % 3 == 0, 0.5, 1.0)
        self.sell = np.full(steps, sell)
        self.grid_kw = np.broadcast_to(float(grid_kw), (members, steps))
        self.window = Window(0, steps, 1.0, datetime(2021, 6, 1, tzinfo=UTC))
        self.names = [f"M{i}" for i in range(members)]

    @property
    def prices(self):
        return PublicPrices(self.buy, self.sell, np.zeros(len(self.buy)))

    def declared(self):
        return {name: self._disclosure(i) for i, name in enumerate(self.names)}

    def _disclosure(self, i):
        devices = (
            Load("load", LOST),
            Renewable("sun", RenewableKind.PV, 50.0),
            *((BATTERY,) if self.has_storage else ()),
        )
        state = CarriedState(MappingProxyType({"bess": 6.0} if self.has_storage else {}))
        window = self.window
        return Disclosure(
            sender=self.names[i],
            window=window,
            devices=devices,
            state=state,
            forecast_kw={"load": frozen(self.load_kw[i]), "sun": frozen(self.sun_kw[i])},
            storage=storage_rules(
                END_OF_WINDOW,
                devices,
                state,
                window,
                (window.steps - 1,),
                miss_price_per_kwh=MISS,
            ),
            low_kw={"sun": frozen(self.low_kw[i])},
        )

    def envelopes(self):
        return {
            name: Envelope(
                microgrid=name,
                window=self.window,
                import_limit_kw=frozen(self.grid_kw[i]),
                export_limit_kw=frozen(self.grid_kw[i]),
            )
            for i, name in enumerate(self.names)
        }

    def problem(self, budget=2.0, **rules):
        lost = rules.pop("lost_load_per_kwh", LOST)
        charges = {"link_charge": 0.05, "grid_charge": 0.1}
        return RobustProblem(
            self.declared(),
            self.envelopes(),
            self.prices,
            window=self.window,
            rules=RobustRules(lost, **{**charges, **rules}),
            budget=dict.fromkeys(self.names, float(budget)),
        )

    def permuted(self, order):
        return System(
            self.load_kw[order],
            self.sun_kw[order],
            self.low_kw[order],
            has_storage=self.has_storage,
            grid_kw=self.grid_kw[0, 0],
            sell=self.sell[0],
        )

    def finer(self, parts):
        """Give the same in shorter steps, each series constant within the hour."""
        fine = System(
            *(np.repeat(kw, parts, axis=1) for kw in (self.load_kw, self.sun_kw, self.low_kw)),
            has_storage=self.has_storage,
            grid_kw=self.grid_kw[0, 0],
            sell=self.sell[0],
        )
        fine.buy = np.repeat(self.buy, parts)
        fine.window = replace(fine.window, step_h=1.0 / parts)
        return fine

    def with_share(self, share):
        """Give the same with sun that may lack this share."""
        return System(
            self.load_kw,
            self.sun_kw,
            (1.0 - share) * self.sun_kw,
            has_storage=self.has_storage,
            grid_kw=self.grid_kw[0, 0],
            sell=self.sell[0],
        )


def system(seed, members=2, steps=6, *, share=0.5, **options):
    """Give microgrids that lack in some hours and have sun left over in others."""
    rng = np.random.default_rng([2, seed])
    load_kw = rng.uniform(2.0, 8.0, (members, steps))
    sun_kw = rng.uniform(4.0, 14.0, (members, steps))
    sun_kw[:, [0, steps - 1]] = 0.0
    sun_kw[:, 1] *= seed % 2
    return System(load_kw, sun_kw, (1.0 - share) * sun_kw, **options)
