"""The mathematics as text: see README.md, which also tells how to renew the files."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandapower as pp
import pyomo.environ as pyo
import pytest

from mmgsim.contracts import (
    Battery,
    CarriedState,
    Diesel,
    DieselState,
    Disclosure,
    Envelope,
    Load,
    Renewable,
    RenewableKind,
    SessionKind,
    SessionRule,
    SessionStore,
    StorageRule,
    TieLine,
    Window,
    frozen,
)
from mmgsim.network import Feeder, FeederLimits, read_tree
from mmgsim.subproblems import (
    Injection,
    LimitRows,
    LinearProgram,
    MicrogridInputs,
    NetworkInputs,
    PrivateModel,
    PublicPrices,
    PyomoHighs,
    Terms,
    declare_feasible,
    declare_inverter,
    declare_network,
    declare_optimal,
    joint,
    microgrid,
    update_network,
)
from mmgsim.subproblems.block import update_microgrid
from mmgsim.subproblems.connection import (
    declare_connection,
    declare_one_way,
    update_connection,
    update_one_way,
)
from mmgsim.subproblems.devices import KINDS, DeviceInputs, Horizon
from mmgsim.subproblems.operator import _build as build_cut

HERE = Path(__file__).parent
TIE = TieLine("T1", ("MG2", "MG1"), limit_kw=41.0, loss_share=0.07)
WINDOW = Window(0, 2, 0.5, datetime(2021, 1, 11, tzinfo=UTC))
PLAIN, EXCLUSIVE = Horizon(2, 0.5), Horizon(2, 0.5, is_exclusive=True)

SHOP = Load("shop", shed_price_per_kwh=7.0)
CLINIC = Load("clinic", 7.0, critical_share=0.3, critical_shed_price_per_kwh=91.0)
ROOF = Renewable("roof", RenewableKind.PV, rating_kw=50.0)
BESS = Battery("bess", 20.0, 2.0, 8.0, efficiency=0.8, wear_per_kwh=0.03)
GENSET = Diesel("genset", 20.0, 100.0, 0.3, 0.001, 2.5, 15.0, ramp_kw_per_h=30.0)
PLAIN_GENSET = Diesel("plain", 20.0, 100.0, 0.3)
CAR = SessionStore(
    "car", SessionKind.VEHICLE, 40.0, 7.0, 3.0, 6.0, efficiency=0.8, wear_per_kwh=0.04
)
PUMP = SessionStore("pump", SessionKind.LOAD, 9.0, 5.0, missing_per_kwh=8.0)
RULE = StorageRule(frozen([2.0, 11.0]), frozen([20.0, 11.0]), end_value_per_kwh=0.09)
INPUTS = {
    "clinic": DeviceInputs(forecast_kw=frozen([33.0, 34.0])),
    "shop": DeviceInputs(forecast_kw=frozen([31.0, 32.0])),
    "roof": DeviceInputs(forecast_kw=frozen([41.0, 42.0])),
    "bess": DeviceInputs(energy_start_kwh=12.0, rule=RULE),
    "genset": DeviceInputs(diesel=DieselState(is_on=True, power_kw=41.0)),
    "plain": DeviceInputs(diesel=DieselState()),
    # Leaves after the first step; another session begins with the second and goes on.
    "car": DeviceInputs(
        sessions=SessionRule(
            0.5,
            is_plugged=frozen([1.0, 1.0]),
            is_leaving=frozen([1.0, 0.0]),
            arrives_kwh=frozen([13.0, 11.0]),
            floor_kwh=frozen([3.0, 2.0]),
            least_kwh=frozen([15.0, 12.5]),
            wanted_kwh=frozen([16.0, 0.0]),
            miss_price_per_kwh=1000.0,
        )
    ),
    # Is away in the first step and begins with the second.
    "pump": DeviceInputs(
        sessions=SessionRule(
            0.5,
            is_plugged=frozen([0.0, 1.0]),
            is_leaving=frozen([0.0, 1.0]),
            arrives_kwh=frozen([0.0, 0.0]),
            floor_kwh=frozen([0.0, 0.0]),
            least_kwh=frozen([0.0, 2.5]),
            wanted_kwh=frozen([0.0, 9.0]),
            miss_price_per_kwh=8.0,
        )
    ),
}
PRICES = PublicPrices(frozen([0.31, 0.32]), frozen([0.11, 0.12]), frozen([0.021, 0.022]))
LOW_KW, HIGH_KW = np.array([-61.0, -62.0]), np.array([51.0, 52.0])


def declaration(*devices):
    return Disclosure(
        window=WINDOW,
        devices=devices,
        state=CarriedState({"bess": 12.0}),
        forecast_kw={n: i.forecast_kw for n, i in INPUTS.items() if i.forecast_kw is not None},
        storage={"bess": RULE},
    )


def build_device(device, horizon=PLAIN):
    model = pyo.ConcreteModel()
    model.unit = pyo.Block()
    KINDS[type(device)].declare(model.unit, device, horizon)
    KINDS[type(device)].update(PyomoHighs(model), model.unit, device, INPUTS[device.name])
    cost = model.unit.cost
    if isinstance(device, Battery | Diesel | SessionStore):
        cost = cost + model.unit.miss_cost
    # A device without a cost of its own: its output stands in, so that there is an objective.
    model.total = pyo.Objective(expr=cost if device is not ROOF else -sum(model.unit.out_kw[:]))
    return model


def build_connection(horizon):
    model = pyo.ConcreteModel()
    model.time = pyo.RangeSet(0, 1)
    model.exchange_kw = pyo.Var(model.time)
    model.trade_kw = pyo.Param(model.time, mutable=True, initialize={0: 5.0, 1: -6.0})
    model.grid = pyo.Block()
    declare_connection(model.grid, model.exchange_kw, model.trade_kw, horizon)
    update_connection(PyomoHighs(model), model.grid, PRICES, LOW_KW, HIGH_KW)
    if horizon.is_exclusive:
        declare_one_way(model.grid, model.grid.import_kw, model.grid.export_kw)
        update_one_way(PyomoHighs(model), model.grid, LOW_KW, HIGH_KW)
    model.total = pyo.Objective(expr=model.grid.cost)
    return model


def build_microgrid(*, wanted=False):
    devices = (SHOP, ROOF, BESS)
    model = microgrid._build(PrivateModel(), devices, PLAIN, wanted=wanted)
    terms = Terms(PRICES, LOW_KW, HIGH_KW, np.array([5.0, -6.0]))
    inputs = MicrogridInputs(declaration(*devices), terms)
    update_microgrid(PyomoHighs(model), model.own, inputs.declared)
    microgrid._update(PyomoHighs(model), model, inputs)
    if wanted:
        microgrid._update_aim(
            PyomoHighs(model), model, devices, inputs, {"bess": np.array([-3.0, 4.0])}
        )
    return model


def build_joint(horizon, *ties):
    members = {"MG1": (SHOP,), "MG2": (ROOF, BESS)}
    model = joint._build(members, horizon, ties=ties)
    problem = joint.JointProblem(members, WINDOW, ties=ties)
    envelopes = {
        name: Envelope(
            microgrid=name, window=WINDOW, import_limit_kw=-LOW_KW, export_limit_kw=HIGH_KW
        )
        for name in members
    }
    declared = {name: declaration(*devices) for name, devices in members.items()}
    problem._update(PyomoHighs(model), model, declared, envelopes, PRICES)
    return model


def build_least_cut():
    rows = LimitRows(np.array([[0.001, 0.002], [-0.003, 0.004]]), np.array([0.05, 0.06]))
    return build_cut(rows, np.array([-61.0, -62.0]), np.array([51.0, 52.0]))


def three_buses():
    """Give a line of two branches with a load at its end, the first of them rated."""
    net = pp.create_empty_network(sn_mva=1.0)
    for _ in range(3):
        pp.create_bus(net, 10.0)
    pp.create_ext_grid(net, 0, vm_pu=1.01)
    for start, (r_ohm, x_ohm, i_ka) in enumerate([(1.0, 2.0, 0.05), (3.0, 4.0, 99999.0)]):
        pp.create_line_from_parameters(net, start, start + 1, 1.0, r_ohm, x_ohm, 0.0, i_ka)
    pp.create_load(net, 2, p_mw=0.4, q_mvar=0.1)
    return read_tree(Feeder(net, members=(), limits=FeederLimits(0.96, 1.04)))


def build_network(horizon):
    tree, model = three_buses(), pyo.ConcreteModel()
    model.time = pyo.RangeSet(0, 1)
    model.p_kw, model.q_kvar = pyo.Var(model.time), pyo.Var(model.time)
    model.inverter, model.network = pyo.Block(), pyo.Block()
    model.inverter.time = pyo.RangeSet(0, 1)
    declare_inverter(model.inverter, model.p_kw, model.q_kvar, 50.0)
    declare_network(model.network, tree, horizon, [Injection(1, model.p_kw, model.q_kvar)])
    demand_kw, demand_kvar = tree.background_kw(np.array([0.5, 0.8]))
    inputs = NetworkInputs(
        demand_kw=demand_kw,
        demand_kvar=demand_kvar,
        shed_limit_kw=demand_kw,
        spill_limit_kw=np.array([[11.0, 12.0]]),
        buy_per_kwh=np.array([0.31, 0.32]),
        sell_per_kwh=np.array([0.11, 0.42]),
        shed_price_per_kwh=7.0,
        spill_price_per_kwh=0.05,
        reach_kw=np.array([61.0, 62.0]),
    )
    update_network(PyomoHighs(model), model.network, inputs)
    for limit in model.network.i2_high_pu.values():
        limit.set_value(0.75)  # what the loop writes
    model.total = pyo.Objective(expr=model.network.cost + model.network.loss_penalty)
    return model


def build_optimality():
    """An LP of two columns and one that is given, an equation and a row, and its conditions."""
    program = LinearProgram.of(
        np.array([3.0, -1.5, 0.0]),
        0.25,
        np.array([[1.0, -1.0, -1.0], [2.0, 5.0, 0.0]]),
        rows=(np.array([0.5, -np.inf]), np.array([0.5, 17.0])),
        columns=(np.array([0.0, 0.0, -2.0]), np.array([np.inf, 4.0, 6.0])),
        given=np.array([False, False, True]),
    )
    model = pyo.ConcreteModel()
    model.lower = pyo.Block()
    ranges = (program.low, np.array([8.0, 4.0, 6.0]))
    declare_feasible(model.lower, program, ranges)
    declare_optimal(model.lower, program, ranges, most_dual=40.0)
    model.total = pyo.Objective(expr=model.lower.cost)
    return model


FAMILIES = {
    "load": lambda: build_device(SHOP),
    "load_critical": lambda: build_device(CLINIC),
    "renewable": lambda: build_device(ROOF),
    "battery": lambda: build_device(BESS),
    "battery_exclusive": lambda: build_device(BESS, EXCLUSIVE),
    "diesel": lambda: build_device(GENSET),
    "diesel_plain": lambda: build_device(PLAIN_GENSET),
    "vehicle": lambda: build_device(CAR),
    "vehicle_exclusive": lambda: build_device(CAR, EXCLUSIVE),
    "flexible": lambda: build_device(PUMP),
    "connection": lambda: build_connection(PLAIN),
    "connection_exclusive": lambda: build_connection(EXCLUSIVE),
    "microgrid": build_microgrid,
    "microgrid_wanted": lambda: build_microgrid(wanted=True),
    "joint": lambda: build_joint(PLAIN),
    "joint_exclusive": lambda: build_joint(EXCLUSIVE),
    "joint_ties": lambda: build_joint(PLAIN, TIE),
    "joint_ties_exclusive": lambda: build_joint(EXCLUSIVE, TIE),
    "least_cut": build_least_cut,
    "network": lambda: build_network(PLAIN),
    "network_exclusive": lambda: build_network(EXCLUSIVE),
    "optimality": build_optimality,
}


def written(model, path):
    """Give the model as Pyomo's LP writer has it, sorted by name."""
    model.write(
        str(path),
        io_options={"symbolic_solver_labels": True, "file_determinism": 30},
    )
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("family", FAMILIES)
def test_mathematics_is_the_one_on_file(family, tmp_path):
    expected = (HERE / f"{family}.lp").read_text(encoding="utf-8")
    assert written(FAMILIES[family](), tmp_path / "model.lp") == expected


def test_every_file_belongs_to_a_family():
    assert {path.stem for path in HERE.glob("*.lp")} == set(FAMILIES)


def renew():
    """Write all files anew."""
    for family, build in FAMILIES.items():
        written(build(), HERE / f"{family}.lp")


if __name__ == "__main__":
    renew()
