"""The DNO's day on grids with transformers and cables: CIGRE MV, and a rural one of SimBench.

Three microgrids with the offers of `dno`, several times as large, and its storage. The ratings are
made up here, chosen so that some bind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandapower.networks as nw

from mmgsim.contracts import Member
from mmgsim.network import Background, Feeder, FeederLimits, read_net
from mmgsim.subproblems import NetworkProblem, NetworkWindow, OfferPoint, OwnSite
from mmgsim.subproblems.devices import Horizon
from tests.support import dno
from tests.support.simbench import profile_year

CODE = "1-MV-rural--0-sw"
LIMITS = (0.95, 1.1)


@dataclass(frozen=True)
class Case:
    """A feeder, where its microgrids are, how large they are, and its background's profiles."""

    feeder: Feeder
    buses: tuple[int, ...]
    size: float
    share: np.ndarray

    def window(self, tree):
        demand_kw, demand_kvar = tree.background_kw(self.share)
        of = dno.day(len(self.share))
        places = zip(self.buses, dno.NAMES, strict=True)
        return NetworkWindow(
            step=0,
            demand_kw=demand_kw,
            demand_kvar=demand_kvar,
            buy_per_kwh=of.price_per_kwh,
            sell_per_kwh=0.97 * of.price_per_kwh,
            offers={f"M{bus}": scaled(dno.offer(name, of), self.size) for bus, name in places},
            own={"storage": dno.declared(len(self.share))},
            shed_price_per_kwh=dno.SHED_PER_KWH,
        )

    def problem(self, tree, **options):
        points = [OfferPoint(f"M{bus}", bus, 3, 1) for bus in self.buses]
        site = OwnSite("storage", self.buses[-1], (dno.BESS,))
        return NetworkProblem(tree, Horizon(len(self.share), 1.0), points, [site], **options)


def scaled(offer, size):
    powers = ("export_kw", "import_kw", "must_take_kw", "q_min_kvar", "q_max_kvar")
    return replace(offer, **{name: size * getattr(offer, name) for name in powers})


def cigre():
    """CIGRE MV with its sun and wind; its first transformer may carry 60 % of its rating."""
    net = nw.create_cigre_network_mv(with_der="pv_wind")
    net.trafo.loc[0, "df"] = 0.6
    return _case(net, (6, 9, 14), 4.0, dno.day().share, Background(0.9))


def rural():
    """SimBench's grid on 8 June 2016, hourly means of its profiles; two lines with less."""
    net = read_net(simbench=CODE)
    ends = [frozenset(pair) for pair in net.line[["from_bus", "to_bus"]].to_numpy().tolist()]
    for pair, ampere in {(3, 78): 80.0, (60, 61): 55.0}.items():
        net.line.loc[net.line.index[ends.index(frozenset(pair))], "max_i_ka"] = ampere / 1e3
    loads = {f"{name}{end}" for name in net.load.profile for end in ("_pload", "_qload")}
    profiles = tuple(sorted(loads | set(net.sgen.profile)))
    days = [profile_year(CODE, name, "2016-06-08", 1).reshape(24, 4) for name in profiles]
    share = np.stack([day.mean(axis=1) for day in days], axis=1)
    return _case(net, (96, 68, 39), 3.0, share, Background(profiles=profiles))


def _case(net, buses, size, share, background):
    members = tuple(Member(f"M{bus}", 1e4, 1e4, 1.0, bus) for bus in buses)
    limits = FeederLimits(*LIMITS)
    return Case(
        Feeder(net, members=members, limits=limits, background=background), buses, size, share
    )
