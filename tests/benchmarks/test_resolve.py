"""How fast a microgrid is planned again at other prices: compiled against Pyomo's own interface."""

from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest

from mmgsim.subproblems import (
    CompiledHighs,
    MicrogridInputs,
    MicrogridProblem,
    PyomoHighs,
    Terms,
    disclosure_of,
)
from mmgsim.subproblems.block import update_microgrid
from mmgsim.subproblems.offers import OfferProblem, _limits
from mmgsim.subproblems.solver import solver_time
from mmgsim.testing import sample_view

ROUNDS = 200


# Odd seeds have no diesel: LPs. The first has a load and sun, the other two batteries and wind too.
SEEDS = {"no storage": 11, "2 batteries": 5}


@pytest.fixture(scope="module", params=SEEDS)
def world(request):
    view = sample_view(SEEDS[request.param])
    prices = np.random.default_rng(1).uniform(0.05, 0.4, (ROUNDS + 1, 24))
    return SimpleNamespace(
        view=view, declared=disclosure_of(view), prices=prices, label=request.param
    )


def timed_with_its_solver(times, call):
    """Time a call, and beside it what HiGHS took inside it."""
    before = solver_time.seconds
    answer = times.timed("compiled", call)
    inside = solver_time.seconds - before
    times.seconds.setdefault("HiGHS inside", []).append((inside, np.nan))
    return answer


def note_goals(race, times):
    race.ratio(times, "pyomo", "compiled", "goal >= 10")
    race.ratio(times, "compiled", "HiGHS inside", "goal <= 1.3 (wall)")


def test_microgrid_is_planned_again(race, world):
    view = world.view
    compiled, pyomo = (
        MicrogridProblem(view.name, view.devices, view.window, make_solver=make)
        for make in (CompiledHighs, PyomoHighs)
    )

    def turn(times, k):
        inputs = MicrogridInputs(world.declared, Terms.at_price(view, world.prices[k]))
        fast = timed_with_its_solver(times, lambda: compiled.solve(inputs, 0))
        slow = times.timed("pyomo", lambda: pyomo.solve(inputs, 0))
        assert fast.lower_bound == pytest.approx(slow.lower_bound, rel=1e-6, abs=1e-6)

    note_goals(
        race, race.run(f"MicrogridProblem, {world.label}, 24 h, other prices", turn, rounds=ROUNDS)
    )


def test_microgrid_offers_again(race, world):
    view = world.view
    compiled = OfferProblem(view.name, view.devices, view.window)
    model = compiled._problem._build(False)
    pyomo = PyomoHighs(model)
    update_microgrid(pyomo, model.own, world.declared)
    limits = _limits(view.envelope)
    for limit in fields(limits):
        pyomo.set(model.component(limit.name), getattr(limits, limit.name))

    def offer_by_pyomo(price):
        pyomo.set(model.leave_per_kwh, price)
        outcome = pyomo.solve(agent=view.name, step=0)
        return outcome.bound, pyomo.get(model.own.exchange_kw)

    def turn(times, k):
        price = world.prices[k]
        (fast,) = timed_with_its_solver(
            times, lambda: compiled.at_prices(world.declared, price[None], view.envelope, 0)
        )
        slow, _ = times.timed("pyomo", lambda: offer_by_pyomo(price))
        assert fast.lower_bound == pytest.approx(slow, rel=1e-6, abs=1e-6)

    note_goals(
        race, race.run(f"OfferProblem, {world.label}, 24 h, other prices", turn, rounds=ROUNDS)
    )


def test_microgrid_offers_at_eight_prices(race, world):
    """As in a round of `prices`: the window is written once, then priced eight times."""
    view = world.view
    problem = OfferProblem(view.name, view.devices, view.window)

    def turn(times, k):
        prices = np.roll(world.prices, -k, axis=0)[:8]
        answers = timed_with_its_solver(
            times, lambda: problem.at_prices(world.declared, prices, None, 0)
        )
        assert len(answers) == 8

    times = race.run(
        f"OfferProblem, {world.label}, 24 h, 8 prices in one message", turn, rounds=ROUNDS
    )
    race.ratio(times, "compiled", "HiGHS inside", "goal <= 1.3 (wall)")
