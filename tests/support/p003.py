"""The day of paper 003 on case33bw as the DNO sees it: requests, prices, its own devices.

Table 3 gives the requests and Table 1 and 2 the devices; what the paper leaves out is made up as in
`scenarios/ieee33mmg/README.md`.
"""

import copy
import csv
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pandapower.networks as nw

from mmgsim.contracts import (
    Battery,
    CarriedState,
    Diesel,
    DieselState,
    Disclosure,
    GrantQuery,
    Member,
    OperatorView,
    OwnDevice,
    Request,
    StorageRule,
    Tariff,
    TieLine,
    Window,
    frozen,
)
from mmgsim.engine import build
from mmgsim.network import Feeder, FeederLimits, read_tree

ROOT = Path(__file__).parents[2]
NAMES, BUSES = ("MG1", "MG2", "MG3"), (17, 32, 24)
KA_PER_PU = 1.0 / (3.0**0.5 * 12.66)
"""Of 1 MVA at 12.66 kV."""
GENSET = Diesel("genset", 150.0, 3000.0, 0.075, 12e-6, 0.0, 150.0, 1200.0)
ESS = Battery("ess", 3000.0, 0.0, 750.0, 0.99, 0.0)
HOURS = np.arange(24)
UNITY = (1.0, 1.0, 1.0)
"""Power factors."""


def table3():
    """Surplus less shortage, (3, 24) array [kW]; hours 19 to 21 are filled by hand."""
    with (ROOT / "data/paper_003_requests.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    net = np.array(
        [
            [
                float(row[f"mg{k}_surplus_mw"] or 0.0) - float(row[f"mg{k}_shortage_mw"] or 0.0)
                for row in rows
            ]
            for k in (1, 2, 3)
        ]
    )
    net[:, 19:22] = [[0.2, 0.2, 0.2], [0.5, 0.4, 0.3], [-0.1, -0.2, -0.2]]
    return 1e3 * net


def price(spread=0.002):
    """Buying, selling and upstream price: 115 to 160 per MWh, highest after noon."""
    middle = 0.140 + 0.015 * np.cos(2.0 * np.pi * (HOURS - 12.5) / 24.0)
    return middle + spread / 2, middle - spread / 2, middle


def background_share():
    def bell(hour):
        return np.exp(-(((HOURS - hour) / 3.0) ** 2) / 2.0)

    return 0.55 + 0.35 * bell(13) + 0.35 * bell(20)


def residual_load():
    """Load less sun, (3, 24) array [kW]: what the diesel units give at the price, less Table 3.

    ``P* = (price - A2) / (2 A1)`` within its limits is the best of a unit without ramp or start.
    """
    best_kw = np.zeros((3, 24))
    for row, (a1, a2, most_kw) in enumerate(((18e-6, 0.090, 1600.0), (15e-6, 0.085, 2000.0))):
        best_kw[row] = np.clip((price()[2] - a2) / (2.0 * a1), 0.0, most_kw)
    return best_kw - table3()


@cache
def _case33():
    return nw.case33bw()


def net(*, rating=1.0, base_mva=10.0, halved_line=None):
    """Give case33bw with 2.4 pu on the first five lines and 1.2 on the rest, times `rating`."""
    net = copy.deepcopy(_case33())
    net.sn_mva = base_mva
    net.line["max_i_ka"] = 1.2 * KA_PER_PU * rating
    net.line.loc[:4, "max_i_ka"] = 2.4 * KA_PER_PU * rating
    if halved_line is not None:
        net.line.loc[halved_line, "max_i_ka"] /= 2.0
    return net


def tree(*, v_min=0.93, v_max=1.05, factors=UNITY, **of_net):
    """Give the feeder of `net` to optimise on."""
    limits = FeederLimits(v_min, v_max)
    return read_tree(Feeder(net(**of_net), members=members(factors), limits=limits))


def chain(limit_kw=1000.0, loss_share=0.02):
    """Two made-up lines that connect the microgrids."""
    return tuple(
        TieLine(name, ends, limit_kw, loss_share)
        for name, ends in (("T12", ("MG1", "MG2")), ("T23", ("MG2", "MG3")))
    )


def members(factors=(1.0, 1.0, 1.0)):
    return tuple(
        Member(name, 5e3, 5e3, factor, bus)
        for name, bus, factor in zip(NAMES, BUSES, factors, strict=True)
    )


def own_devices(window, hours):
    level = np.zeros(len(hours)), np.full(len(hours), ESS.energy_kwh)
    level[0][-1] = level[1][-1] = 1000.0
    state = CarriedState({"ess": 1200.0}, {"genset": DieselState(True, 1600.0)})
    rule = {"ess": StorageRule(frozen(level[0]), frozen(level[1]))}
    return tuple(
        OwnDevice(
            f"dno.{device.name}",
            5,
            Disclosure(window=window, devices=(device,), state=state, forecast_kw={}, storage=rule),
        )
        for device in (GENSET, ESS)
    )


def view(feeder_tree, hours=HOURS, *, own=True, shed_price=0.3, factors=(1.0, 1.0, 1.0)):
    """What the DNO knows before the hours of the day."""
    window = Window(0, len(hours), 1.0, datetime(2021, 6, 1, tzinfo=UTC))
    buy, sell, upstream = (frozen(values[hours]) for values in price())
    zero = frozen(np.zeros(len(hours)))
    tariff = Tariff(
        window=window,
        import_per_kwh=buy,
        export_per_kwh=sell,
        network_charge_per_kwh=zero,
        local_charge_per_kwh=zero,
        upstream_per_kwh=upstream,
        imbalance_per_kwh=0.0,
        fixed_per_day=0.0,
    )
    demand_kw, demand_kvar = feeder_tree.background_kw(background_share()[hours])
    return OperatorView(
        window=window,
        members=members(factors),
        tariff=tariff,
        background=(None,) * len(hours),
        tree=feeder_tree,
        demand_kw=demand_kw,
        demand_kvar=demand_kvar,
        shed_price_per_kwh=shed_price,
        own=own_devices(window, hours) if own else (),
    )


def query(known, hours=HOURS, *, net_kw=None, **options):
    """Ask for what Table 3 requests in these hours, or for other exchanges."""
    net_kw = table3()[:, hours] if net_kw is None else net_kw
    requests = {
        name: Request(lack_kw=np.maximum(-kw, 0.0), surplus_kw=np.maximum(kw, 0.0))
        for name, kw in zip(NAMES, net_kw, strict=True)
    }
    return GrantQuery(to="dno", window=known.window, requests=requests, **options)


CASES = {
    1: {"coordination.security": "none"},
    2: {},
    3: {"coordination.controller": "aggregated"},
}
"""Overrides of `ieee33mmg` that make the paper's cases."""


@cache
def day(case):
    """Give the model of `ieee33mmg` after its day."""
    model = build("ieee33mmg", overrides=CASES[case])
    while not model.clock.is_finished:
        model.step()
    return model


@cache
def free_day(controller, split="equal"):
    """Give the model after its day where all is granted: limits play no part, nor does a feeder."""
    options = {"coordination.controller": controller, "coordination.split": split}
    model = build("ieee33mmg", overrides={**options, "network": "none"})
    while not model.clock.is_finished:
        model.step()
    return model


def device(rows, device, quantity, owner="dno"):
    """Give a quantity of a device over a day."""
    mine = (rows.microgrid == owner) & (rows.device == device) & (rows.quantity == quantity)
    return rows[mine].value.to_numpy()
