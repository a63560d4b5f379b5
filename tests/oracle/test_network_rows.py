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

BUY, SELL, CHARGE, LOAD_KW = 0.30, 0.06, 0.04, 150.0
STEPS_OF_GRID = 41
SENT_KW = 900.0

LIMITS = {
    "high voltage": {"v_max_pu": 1.004},
    "current": {"ratings": "ratings.csv"},
    "low voltage, high voltage": {"v_max_pu": 1.004, "v_min_pu": 0.985},
}


def write(folder, limits, *, objective="members"):
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
        ends = net.line[["from_bus", "to_bus"]].assign(max_i_ka=0.035)
        ends.to_csv(folder / "ratings.csv", index=False)
    return folder


def patterns():
    sent_kw = np.linspace(0.0, SENT_KW, STEPS_OF_GRID)
    first, second = (one.ravel() for one in np.meshgrid(sent_kw, sent_kw))
    return np.stack([first, second, np.full(first.shape, -LOAD_KW)], axis=1)


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
    feeder, share = model.dno.feeder, model.background_share(0)
    grid_kw = patterns()
    flow = SweepFlow(feeder).solve(np.full(len(grid_kw), share), grid_kw, np.zeros_like(grid_kw))
    carried = np.array([status is FlowStatus.OK for status in flow.status])
    assert 10 < carried.sum() < len(grid_kw) - 10  # the limits bind, and not everywhere
    all_costs = cost(grid_kw, flow.loss_kw, objective)
    best = all_costs[carried].min()
    gate, plans = model.table("gates").iloc[0], model.market.clearing.plans
    found_kw = np.array([[plans[name].exchange_kw[0] for name in "ABC"]])
    assert model.recorder.status == "ok"  # pandapower says so
    exact = cost(found_kw, model.loss_kw, objective)[0]
    assert gate.upper == pytest.approx(exact, abs=1e-3 * gate.gross)
    # The grid is coarse: the optimum between its points is at most this much better.
    apart = SENT_KW / (STEPS_OF_GRID - 1)
    assert exact <= best + 2e-3 * gate.gross
    assert exact >= best - 2.0 * apart * BUY
    assert gate.lower <= exact + 1e-6 * gate.gross
    assert gate.gap <= 1e-3


def test_a_pattern_nearer_to_the_limit_is_not_left_out(tmp_path):
    """At a finer grid around what was found nothing cheaper is carried, to a tenth of a percent."""
    folder = write(tmp_path / "plants", LIMITS["high voltage"])
    model = first_gate(folder, "central")
    plans, gate = model.market.clearing.plans, model.table("gates").iloc[0]
    found_kw = np.array([plans[name].exchange_kw[0] for name in "ABC"])
    around = np.linspace(-20.0, 20.0, 41)
    first, second = (one.ravel() for one in np.meshgrid(around, around))
    near_kw = found_kw + np.stack([first, second, np.zeros(first.shape)], axis=1)
    near_kw[:, :2] = np.clip(near_kw[:, :2], 0.0, SENT_KW)
    share = np.full(len(near_kw), model.background_share(0))
    flow = SweepFlow(model.dno.feeder).solve(share, near_kw, np.zeros_like(near_kw))
    carried = np.array([status is FlowStatus.OK for status in flow.status])
    assert cost(near_kw, 0.0, "members")[carried].min() >= gate.upper - 1e-3 * gate.gross


def test_who_is_behind_the_limit_gets_less_for_a_kwh(tmp_path):
    folder = write(tmp_path / "plants", LIMITS["high voltage"])
    model = first_gate(folder, "prices")
    prices = {name: one[0] for name, one in model.market.clearing.prices_per_kwh.items()}
    assert prices["C"] >= max(prices["A"], prices["B"]) - 1e-9


@pytest.mark.parametrize("kind", ["central", "prices"])
def test_a_network_that_carries_everything_changes_nothing(tmp_path, kind):
    folder = write(tmp_path / "plants", {"v_max_pu": 1.2})
    model = first_gate(folder, kind)
    free = mmgsim.build(folder, coordination=kind)
    free.step()
    one, other = (m.table("gates").iloc[0] for m in (model, free))
    assert one.upper == pytest.approx(other.upper, rel=1e-12)


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
