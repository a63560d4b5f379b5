"""Whole runs and whole gates: seconds, where they go, and how they grow."""

from time import process_time

import numpy as np
import pytest

import mmgsim
from mmgsim.coordination import Admm, Prices
from mmgsim.subproblems import Master, OfferProblem, ProximalProblem
from tests.support.diesel import diesel_scenario
from tests.support.gates import clear, make_world

GOAL_S = {"central": 10.0, "prices": 30.0}
MEMBERS = (3, 9, 33, 100, 300)
CPU_S: dict[int, float] = {}


@pytest.mark.large
@pytest.mark.parametrize("coordination", GOAL_S)
def test_wa9_whole(race, tmp_path, coordination):
    def turn(times, k):
        # No first turn that does not count: a run on a command line has none either.
        if k or not race.is_measured:
            folder = tmp_path / f"run{k}"
            times.timed("run", lambda: mmgsim.run("wa9", coordination=coordination, out=folder))

    times = race.run(f"mmgsim run wa9, {coordination}", turn, rounds=1)
    if not race.is_measured:
        return
    found = times.last["run"].summary
    wall_s, solver_s, flow_s = (found[key] for key in ("wall_s", "solver_s", "power_flow_s"))
    race.note("wall_s", f"{wall_s:.2f}", f"goal {GOAL_S[coordination]:.0f}")
    for key in ("gate_s", "solver_s", "power_flow_s", "rounds_total", "gap_max"):
        race.note(key, f"{found[key]:.3g}")
    race.note(
        "(solver_s + power_flow_s) / wall_s", f"{(solver_s + flow_s) / wall_s:.2f}", "goal .70"
    )


@pytest.fixture
def spent(monkeypatch):
    """Give CPU seconds of the market's own problem and of the agents' answers, as they add up."""
    seconds = {}

    def watch(owner, method, what):
        plain = getattr(owner, method)

        def watched(*args, **kwargs):
            begin = process_time()
            try:
                return plain(*args, **kwargs)
            finally:
                seconds[what] = seconds.get(what, 0.0) + process_time() - begin

        monkeypatch.setattr(owner, method, watched)

    watch(Master, "__init__", "building the master")
    watch(Master, "add", "adding offers to the master")
    watch(Master, "combine", "solving the master")
    watch(OfferProblem, "at_prices", "answers of agents, first build included")
    watch(ProximalProblem, "answer", "answers near points, first build included")
    return seconds


@pytest.mark.parametrize(
    "members", [n if n < 33 else pytest.param(n, marks=pytest.mark.large) for n in MEMBERS]
)
def test_prices_of_many_microgrids(race, spent, members):
    """One cold gate, agents' models built within it; world 0, no diesel, no network."""

    def turn(times, k):
        if race.is_measured and k == 0 and members > 9:
            return
        world = make_world(members, 0)
        spent.clear()
        found = times.timed("gate", lambda: clear(world, Prices()))
        assert found.upper - found.lower <= 1e-3 * found.gross_cost

    times = race.run(f"prices, {members} microgrids", turn, rounds=3 if members < 100 else 1)
    found = times.last["gate"]
    gap = (found.upper - found.lower) / found.gross_cost
    race.note("rounds, gap", f"{len(found.rounds)}, {gap:.1e}", "gap <= 1e-3")
    for what, cpu_s in spent.items():
        race.note(what, f"{cpu_s:.2f} s CPU, last turn")
    if race.is_measured:
        CPU_S[members] = times.median("gate")[1]
        for low in (33, 100):
            if low < members and low in CPU_S:
                grows = np.log(CPU_S[members] / CPU_S[low]) / np.log(members / low)
                goal = "goal <= 1.1" if (low, members) == (33, 300) else ""
                race.note(f"exponent of CPU seconds, {low} to {members}", f"{grows:.2f}", goal)


@pytest.mark.parametrize(
    "members", [3, *(pytest.param(n, marks=pytest.mark.large) for n in (9, 33, 100))]
)
def test_admm_of_many_microgrids(race, spent, members):
    """The same cold gates as of `prices`."""

    def turn(times, k):
        if race.is_measured and k == 0:
            return
        world = make_world(members, 0)
        spent.clear()
        found = times.timed("gate", lambda: clear(world, Admm()))
        assert found.upper - found.lower <= 1e-3 * found.gross_cost

    times = race.run(f"admm, {members} microgrids", turn, rounds=1)
    found = times.last["gate"]
    gap = (found.upper - found.lower) / found.gross_cost
    race.note("rounds, gap", f"{len(found.rounds)}, {gap:.1e}", "gap <= 1e-3")
    for what, cpu_s in spent.items():
        race.note(what, f"{cpu_s:.2f} s CPU")


@pytest.mark.large
@pytest.mark.parametrize("members", [3, 9])
def test_a_day_of_microgrids_with_diesel(race, tmp_path, members):
    """The gate of a day, by prices and by one mixed-integer problem."""
    folder = diesel_scenario(tmp_path / "scenario", members)
    kinds = {"prices": {}, "central": {"coordination.mip_gap": 1e-3}}

    def first_gate(model):
        model.step()
        return model.table("gates").iloc[0]

    def turn(times, k):
        if race.is_measured and k == 0:
            return
        for kind, overrides in kinds.items():
            model = mmgsim.build(folder, coordination=kind, overrides=overrides)
            times.timed(kind, lambda model=model: first_gate(model))

    times = race.run(f"first gate of {members} microgrids with diesel", turn, rounds=1)
    for kind, gate in times.last.items():
        race.note(f"{kind}: rounds, gap", f"{gate.rounds}, {gate.gap:.2e}")
    by_prices, central = (times.last[kind] for kind in kinds)
    above = (by_prices.upper - central.upper) / central.gross
    race.note("cost of prices above central, of gross cost", f"{above:.2e}")
    assert by_prices.lower <= central.upper + 1e-6 * central.gross
    race.ratio(times, "prices", "central", "")
