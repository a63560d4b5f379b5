"""Coordinations within the network, against every pattern that an AC power flow carries.

Two plants and a load on a feeder of 33 buses, one hour. All patterns of what the plants may send,
on a grid, are solved in AC; the cheapest one that keeps all limits is the optimum to be found.
"""

import numpy as np
import pandapower.networks
import pytest
import yaml

import mmgsim
from mmgsim.network import FlowStatus, SweepFlow
from mmgsim.subproblems import NetworkLimits
from mmgsim.subproblems.network_limits import ROOM_SHARE

BUY, SELL, CHARGE, LOAD_KW = 0.30, 0.06, 0.04, 150.0
STEPS_OF_GRID = 41
SENT_KW = 900.0

LIMITS = {
    "high voltage": {"v_max_pu": 1.004},
    "current": {"ratings": "ratings.csv"},
    "low voltage, high voltage": {"v_max_pu": 1.004, "v_min_pu": 0.985},
}


def write(folder, limits, *, objective="members", rating_ka=0.035):
    plant = {"kind": "pv", "rating_kw": SENT_KW}
    scenario = {
        "name": "plants",
        "timezone": "UTC",
        "start": "2021-01-11",
        "days": 1,
        "objective": objective,
        "gate": {"every": "1h", "horizon": "1h", "end_of_window": {"kind": "free"}},
        "network": {
            "case": "case33bw",
            "background": {"scale": 0.3},
            "v_min_pu": 0.95,
            "v_max_pu": 1.05,
            **limits,
        },
        "operator": {"kind": "standard", "options": {"least_share": 1.0}},
        "forecast": "perfect",
        "tariff": {
            "import_per_kwh": BUY - CHARGE,
            "export_per_kwh": SELL,
            "upstream_per_kwh": 0.1,
            "network_charge": {"off_peak_per_kwh": CHARGE},
        },
        "microgrids": [
            {"name": "A", "bus": 17, "devices": [{"name": "a", "profile": SENT_KW, **plant}]},
            {"name": "B", "bus": 32, "devices": [{"name": "b", "profile": SENT_KW, **plant}]},
            {
                "name": "C",
                "bus": 24,
                "devices": [
                    {"name": "c", "kind": "load", "profile": LOAD_KW, "shed_price_per_kwh": 5.0}
                ],
            },
        ],
    }
    folder.mkdir()
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario), encoding="utf-8")
    if "ratings" in limits:
        net = pandapower.networks.case33bw()
        ends = net.line[["from_bus", "to_bus"]].assign(max_i_ka=rating_ka)
        ends.to_csv(folder / "ratings.csv", index=False)
    return folder


def patterns(sent_kw, around_kw=None, *, within_kw=0.0):
    """Give what the plants may send: all of it on a grid, and on a finer one around a pattern."""
    grids = [(np.linspace(0.0, sent_kw, STEPS_OF_GRID),) * 2]
    if around_kw is not None:
        near_kw = np.linspace(-within_kw, within_kw, STEPS_OF_GRID)
        grids.append(tuple(np.clip(kw + near_kw, 0.0, sent_kw) for kw in around_kw[:2]))
    found = []
    for axes in grids:
        first, second = (one.ravel() for one in np.meshgrid(*axes))
        found.append(np.stack([first, second, np.full(first.shape, -LOAD_KW)], axis=1))
    return np.concatenate(found)


def carried(model, pattern_kw):
    """Give which patterns keep all limits in AC, and what they lose [kW]."""
    share = np.full(len(pattern_kw), model.background_share(0))
    flow = SweepFlow(model.dno.feeder).solve(share, pattern_kw, np.zeros_like(pattern_kw))
    return np.array([status is FlowStatus.OK for status in flow.status]), flow.loss_kw


def planned(model):
    plans = model.market.clearing.plans
    return np.array([plans[name].exchange_kw[0] for name in "ABC"])


def cost(pattern_kw, loss_kw, objective):
    """Give what an hour costs, from the exchanges alone."""
    sent_kw = pattern_kw[..., :2].sum(axis=-1)
    if objective == "system":
        return 0.1 * (LOAD_KW - sent_kw + loss_kw)
    traded_kw = np.minimum(sent_kw, LOAD_KW)
    return BUY * (LOAD_KW - traded_kw) + CHARGE * traded_kw - SELL * (sent_kw - traded_kw)


def first_gate(folder, kind, **options):
    coordination = {"kind": kind, "network": "rows", **options}
    model = mmgsim.build(folder, overrides={"coordination": coordination})
    model.step()
    return model


@pytest.mark.parametrize("objective", ["members", "system"])
@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("kind", ["central", "prices"])
def test_the_optimum_is_the_cheapest_pattern_that_the_network_carries(
    tmp_path, kind, limits, objective
):
    folder = write(tmp_path / "plants", LIMITS[limits], objective=objective)
    model = first_gate(folder, kind)
    apart_kw = SENT_KW / (STEPS_OF_GRID - 1)
    grid_kw = patterns(SENT_KW, planned(model), within_kw=apart_kw)
    is_carried, loss_kw = carried(model, grid_kw)
    coarse = is_carried[: STEPS_OF_GRID**2]
    assert 10 < coarse.sum() < len(coarse) - 10  # the limits bind, and not everywhere
    best = cost(grid_kw, loss_kw, objective)[is_carried].min()
    gate = model.table("gates").iloc[0]
    exact = cost(planned(model), model.loss_kw, objective)
    assert model.recorder.status == "ok"  # pandapower says so
    assert gate.upper == pytest.approx(exact, abs=1e-3 * gate.gross)
    assert exact <= best + 2e-3 * gate.gross
    # What the network carries costs no less than the bound, but for the room that is given up.
    assert gate.lower <= best + ROOM_SHARE * gate.gross
    assert gate.gap <= 1e-3


@pytest.mark.parametrize("draw", range(4))
def test_wherever_plants_stand_a_rating_leaves_out_nothing_that_lines_carry(tmp_path, draw):
    """Voltage rises with what is sent: one ampere carries the more, the more of them there are."""
    random = np.random.default_rng([33, draw])
    buses = random.choice(np.arange(1, 33), 2, replace=False).tolist()
    sent_kw = float(random.uniform(1500.0, 4000.0))
    rating_ka = float(random.uniform(0.4, 0.9)) * sent_kw / (np.sqrt(3.0) * 12.66e3)
    folder = write(tmp_path / "plants", {"ratings": "ratings.csv"}, rating_ka=rating_ka)
    overrides = {"coordination": {"kind": "central", "network": "rows"}, "network.v_max_pu": 1.1}
    for name, bus in zip("AB", buses, strict=True):
        plant = {"name": "p", "kind": "pv", "rating_kw": sent_kw, "profile": sent_kw}
        overrides |= {f"microgrids.{name}.bus": bus, f"microgrids.{name}.devices": [plant]}
    model = mmgsim.build(folder, overrides=overrides)
    model.step()
    grid_kw = patterns(sent_kw, planned(model), within_kw=0.1 * sent_kw)
    is_carried, _ = carried(model, grid_kw)
    assert 10 < is_carried.sum() < len(grid_kw) - 10
    best = cost(grid_kw, 0.0, "members")[is_carried].min()
    gate = model.table("gates").iloc[0]
    assert model.recorder.status == "ok"
    assert gate.lower <= best + ROOM_SHARE * gate.gross
    assert gate.upper <= best + ROOM_SHARE * gate.gross


@pytest.mark.parametrize(
    ("kind", "options"),
    [("central", {}), ("prices", {}), ("bilevel", {"variant": "kkt", "time_limit_s": 3600.0})],
)
def test_a_gate_that_stops_asking_too_early_says_so(tmp_path, monkeypatch, kind, options):
    folder = write(tmp_path / "plants", LIMITS["current"])
    if kind != "bilevel":  # no trades of a leader keep these rows
        assert "rows_unsettled" not in first_gate(folder, kind, **options).market.clearing.flags
    monkeypatch.setattr("mmgsim.coordination.network_talk.PATTERNS", 1)
    model = first_gate(folder, kind, **options)
    assert "rows_unsettled" in model.market.clearing.flags
    assert "rows_unsettled" in model.table("steps")["flags"][0].split()


def test_who_is_behind_the_limit_gets_less_for_a_kwh(tmp_path):
    folder = write(tmp_path / "plants", LIMITS["high voltage"])
    model = first_gate(folder, "prices")
    prices = {name: one[0] for name, one in model.market.clearing.prices_per_kwh.items()}
    assert prices["C"] >= max(prices["A"], prices["B"]) - 1e-9


@pytest.mark.parametrize("kind", ["central", "prices"])
def test_load_behind_a_low_voltage_is_shed_as_far_as_the_network_makes_it(tmp_path, kind):
    """Its microgrid could buy it from the grid, but for the others it could not."""
    folder = write(tmp_path / "plants", {"v_min_pu": 0.96})
    load = {"name": "a", "kind": "load", "profile": 1500.0, "shed_price_per_kwh": 5.0}
    model = mmgsim.build(
        folder,
        overrides={
            "coordination": {"kind": kind, "network": "rows"},
            "microgrids.A.devices": [load],
            "microgrids.B.devices.b.profile": 0.0,
            "repair.rounds": 0,
        },
    )
    model.step()
    served_kw = np.linspace(0.0, 1500.0, 3001)
    pattern_kw = np.stack([-served_kw, 0.0 * served_kw, np.full(3001, -LOAD_KW)], axis=1)
    is_carried, _ = carried(model, pattern_kw)
    most_kw = served_kw[is_carried].max()
    assert 100.0 < most_kw < 1400.0
    gate, (flags,) = model.table("gates").iloc[0], model.table("steps")["flags"]
    assert flags.split() == ["shed"]
    assert -planned(model)[0] == pytest.approx(most_kw, abs=ROOM_SHARE * 1500.0)
    assert gate.lower <= gate.upper + 1e-9 * gate.gross
    assert gate.gap <= 1e-3


@pytest.mark.parametrize("kind", ["central", "prices"])
def test_a_network_that_carries_everything_changes_nothing(tmp_path, kind):
    folder = write(tmp_path / "plants", {"v_max_pu": 1.2})
    model = first_gate(folder, kind)
    free = mmgsim.build(folder, coordination=kind)
    free.step()
    one, other = (m.table("gates").iloc[0] for m in (model, free))
    assert one.upper == pytest.approx(other.upper, rel=1e-12)


PRICED = {
    "current": {"ratings": "ratings.csv"},
    "high voltage": {"v_max_pu": 1.004},
    "low voltage": {"v_min_pu": 0.96},
}


@pytest.mark.parametrize("limits", PRICED)
def test_the_price_at_a_bus_is_what_one_more_kwh_there_costs(tmp_path, limits):
    """By differences of the cost of a gate, with the parts told apart by the DNO alone."""
    folder = write(tmp_path / "plants", PRICED[limits], objective="system")
    document = yaml.safe_load((folder / "scenario.yaml").read_text(encoding="utf-8"))
    if limits == "low voltage":  # a unit that is dearer than the grid runs for it
        load = {"name": "a", "kind": "load", "profile": 1500.0, "shed_price_per_kwh": 5.0}
        unit = {"name": "d", "kind": "diesel", "power_min_kw": 1.0, "power_max_kw": 1500.0}
        document["microgrids"][0]["devices"] = [load, {**unit, "cost_per_kwh": 0.5}]
    document["coordination"] = {"kind": "central", "network": "rows"}

    def priced(bus, load_kw):
        load = {"name": "d", "kind": "load", "profile": load_kw, "shed_price_per_kwh": 50.0}
        more = {"name": "D", "bus": bus, "devices": [load]}
        changed = {**document, "microgrids": [*document["microgrids"], more]}
        (folder / "scenario.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
        model = mmgsim.build(folder)
        model.step()
        return model.table("gates").upper[0], model.table("dlmp").set_index("bus")

    (low, _), (_, middle), (high, _) = (priced(14, kw) for kw in (2.0, 4.0, 6.0))
    by_difference, dearest = (high - low) / 4.0, 0.5
    explained = middle.loc[14, ["energy", "loss", "congestion", "voltage"]].sum()
    assert middle.price[14] == pytest.approx(by_difference, abs=ROOM_SHARE * dearest)
    assert explained == pytest.approx(by_difference, abs=ROOM_SHARE * dearest)
    assert middle.residual[14] == pytest.approx(middle.price[14] - explained, abs=1e-12)


def test_without_a_network_there_is_nobody_to_ask():
    model = mmgsim.build("duo", overrides={"coordination": {"kind": "prices", "network": "rows"}})
    model.step()
    assert "NetworkQuery" not in set(model.table("messages").kind)


def test_the_next_gate_knows_the_limits_that_had_a_price():
    options = {"kind": "central", "network": "rows"}
    model = mmgsim.build("wa9-tight", overrides={"coordination": options, "repair.rounds": 0})
    model.step()
    memory = model.market.clearing.memory["network"]
    assert len(memory["limit"]) > 0
    assert (memory["step"] >= 0).all()
    first = model.table("gates")["rounds"].iloc[0]
    model.step()
    assert model.table("gates")["rounds"].iloc[1] <= first


EVENTS = {
    "ratings rise": [{"kind": "rating", "line": line, "factor": 3.0} for line in range(32)],
    "a lateral is out": [{"kind": "line-outage", "line": 24}],
}


@pytest.mark.parametrize(
    ("event", "kind"),
    [("ratings rise", "central"), ("ratings rise", "prices"), ("a lateral is out", "central")],
)
def test_what_is_remembered_of_another_network_changes_no_gate(tmp_path, monkeypatch, event, kind):
    """Plants spill for a current, or a diesel unit runs for a low voltage."""
    is_load = event == "a lateral is out"
    limits = {"v_min_pu": 0.96} if is_load else {"ratings": "ratings.csv"}
    folder = write(tmp_path / "plants", limits)
    overrides = {
        "coordination": {"kind": kind, "network": "rows"},
        "gate.horizon": "3h",
        "repair.rounds": 0,
        "events": [
            {**one, "start": "2021-01-11 01:00", "end": "2021-01-11 03:00"} for one in EVENTS[event]
        ],
    }
    if is_load:
        load = {"name": "a", "kind": "load", "profile": 1500.0, "shed_price_per_kwh": 5.0}
        unit = {"name": "d", "kind": "diesel", "power_min_kw": 1.0, "power_max_kw": 1500.0}
        unit["cost_per_kwh"] = 0.5
        overrides["microgrids.A.devices"] = [load, unit]
    costs = []
    for remembers in (True, False):
        if not remembers:
            monkeypatch.setattr(NetworkLimits, "remembering", lambda self, *_: self)
        model = mmgsim.build(folder, overrides=overrides)
        for _ in range(3):
            model.step()
        costs.append(model.table("gates")[["upper", "lower", "gross"]])
    known, new = costs
    assert new.upper.iloc[1] != pytest.approx(new.upper.iloc[0], rel=0.05)  # the event counts
    assert (abs(known.upper - new.upper) <= ROOM_SHARE * new.gross).all()
    assert (abs(known.lower - new.lower) <= ROOM_SHARE * new.gross).all()


def test_rows_cost_no_more_than_the_envelopes_that_a_review_cuts():
    """Both keep the limits; the rows leave it open who makes room."""
    gates = {}
    for network in ("rows", "envelopes"):
        options = {"kind": "central", "network": network}
        model = mmgsim.build("wa9-tight", overrides={"coordination": options, "gate.every": "1d"})
        model.step()
        gates[network] = model.table("gates").iloc[0]
        assert gates[network].violated_steps_after == 0
    assert gates["rows"].upper <= gates["envelopes"].upper


@pytest.mark.parametrize("offers", ["device", "agent"])
def test_price_coordination_ends_near_the_central_optimum_within_rows(offers):
    costs = {}
    for kind, more in (("central", {}), ("prices", {"offers": offers})):
        options = {"kind": kind, "network": "rows", **more}
        model = mmgsim.build("wa9-tight", overrides={"coordination": options, "gate.every": "1d"})
        model.step()
        costs[kind] = model.table("gates").iloc[0]
    best, found = costs["central"], costs["prices"]
    assert found.lower <= best.upper + 1e-6 * best.gross
    assert found.upper >= best.lower - 1e-3 * best.gross  # the rows of both are not the same
    assert found.gap <= 1e-3
    assert abs(found.upper - best.upper) <= 2e-3 * best.gross


def test_without_trade_all_mechanisms_say_the_same_of_a_kwh():
    """Nobody trades at night: the dual of the balance is then anything between two prices."""
    found = {}
    for kind in ("central", "prices"):
        coordination = {"kind": kind, "network": "rows"}
        model = mmgsim.build("wa9-tight", coordination=coordination, overrides={"days": 1})
        for _ in range(2):
            model.step()
        assert model.table("trades").empty
        found[kind] = model.table("dlmp").energy
    np.testing.assert_allclose(found["central"], found["prices"], atol=1e-9)
