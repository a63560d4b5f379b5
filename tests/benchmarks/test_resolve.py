"""How fast a window is planned again: compiled against Pyomo's persistent interface.

`make bench` prints the table; a ratio holds within one run of it only. In `make test` everything
here runs once, untimed.
"""

from types import SimpleNamespace

import numpy as np
import pytest

import mmgsim
from mmgsim.subproblems import (
    CompiledHighs,
    JointProblem,
    MicrogridInputs,
    MicrogridProblem,
    PublicPrices,
    PyomoHighs,
    Terms,
    disclosure_of,
)
from mmgsim.testing import sample_view
from tests.support.diesel import diesel_scenario

SOLVERS = {"compiled": CompiledHighs, "pyomo": PyomoHighs}
MEMBERS = 9


@pytest.fixture(scope="module")
def world():
    # Worlds without diesel: LPs.
    views = {f"MG{k}": sample_view(2 * k + 1) for k in range(MEMBERS)}
    rng = np.random.default_rng(1)
    return SimpleNamespace(
        views=views,
        prices=rng.uniform(0.05, 0.4, (1000, 24)),
        declared={name: disclosure_of(view) for name, view in views.items()},
        envelopes={name: view.envelope for name, view in views.items()},
    )


@pytest.mark.benchmark(group="one microgrid, 24 h, other prices")
@pytest.mark.parametrize("solver", SOLVERS)
def test_microgrid_is_planned_again(benchmark, world, solver):
    view = world.views["MG5"]
    problem = MicrogridProblem(view.name, view.devices, view.window, make_solver=SOLVERS[solver])
    turns = iter(range(len(world.prices)))

    def solve():
        terms = Terms.at_price(view, world.prices[next(turns)])
        return problem.solve(MicrogridInputs(world.declared["MG5"], terms), 0)

    solve()
    assert benchmark.pedantic(solve, rounds=50).schedule


@pytest.mark.benchmark(group="one microgrid, 24 h, other prices")
def test_microgrid_inside_highs_alone(benchmark, world):
    """The floor: the same prices handed to HiGHS with nothing around it."""
    view = world.views["MG5"]
    problem = MicrogridProblem(view.name, view.devices, view.window)
    problem.solve(MicrogridInputs(world.declared["MG5"], Terms.of(view)), 0)
    solver = problem._problem._models[False][1]
    turns = iter(range(len(world.prices)))
    grid = problem._problem._models[False][0].grid

    def push():
        price = world.prices[next(turns)]
        solver.set(grid.buy_per_kwh, price)
        solver.set(grid.sell_per_kwh, price)
        solver._push()
        return (), {}

    benchmark.pedantic(solver._highs.run, setup=push, rounds=50)


@pytest.mark.benchmark(group=f"{MEMBERS} microgrids together, 24 h")
@pytest.mark.parametrize("solver", SOLVERS)
def test_all_microgrids_are_planned_again(benchmark, world, solver):
    view = world.views["MG0"]
    problem = JointProblem(
        {name: v.devices for name, v in world.views.items()},
        view.window,
        make_solver=SOLVERS[solver],
    )
    turns = iter(range(len(world.prices)))

    def solve():
        buy = world.prices[next(turns)]
        prices = PublicPrices(buy, 0.4 * buy, np.full(24, 0.01))
        return problem.solve(world.declared, world.envelopes, prices, 0)

    solve()
    assert benchmark.pedantic(solve, rounds=10).cost


@pytest.mark.benchmark(group="first gate of microgrids with diesel, 24 h, central at 1e-3")
@pytest.mark.parametrize("members", [3, 9])
def test_diesel_is_planned_together(benchmark, tmp_path, members):
    folder = diesel_scenario(tmp_path / "scenario", members)
    overrides = {"coordination.mip_gap": 1e-3}

    def prepare():
        return (mmgsim.build(folder, coordination="central", overrides=overrides),), {}

    benchmark.pedantic(lambda model: model.step(), setup=prepare, rounds=3)
