"""One gate of the product against the oracle."""

import logging
import shutil

import numpy as np
import pytest

import mmgsim
from mmgsim.scenario import load_scenario
from mmgsim.scenario.freeze import freeze
from tests.oracle.draws import draw_scenario
from tests.oracle.lp import Program, central, isolated, read_case, with_limits

log = logging.getLogger(__name__)
TOLERANCE = 1e-6
"""Of gross cost; never to be loosened."""
PRICE_TOLERANCE = 1e-6
SHIFT_KW = 1e-3
ORACLES = {"central": central, "isolated": isolated}
STRATEGIES = ("cost-minimiser", "self-consumer")


def first_gate(scenario, coordination, **options):
    """Give the model after its first step, and the row of its first gate."""
    model = mmgsim.build(scenario, coordination=coordination, **options)
    model.step()
    return model, model.table("gates").iloc[0]


def check_gate(scenario, case, coordination):
    """Compare the product's cost with the oracle's, and give the oracle's answer."""
    gate, answer = first_gate(scenario, coordination)[1], ORACLES[coordination](case)
    apart = (gate.upper - answer.cost) / answer.gross
    log.info("%s: relative difference %.3g", coordination, apart)
    assert abs(apart) < TOLERANCE
    if coordination == "central":
        assert abs(gate.lower - answer.cost) < TOLERANCE * answer.gross
    return answer


def copy_duo(folder):
    return shutil.copytree(load_scenario("duo").folder, folder)


@pytest.fixture(scope="module")
def frozen_wa9(tmp_path_factory):
    """Freeze wa9 once: its generators take longer than its gate."""
    folder = tmp_path_factory.mktemp("wa9") / "frozen"
    freeze(load_scenario("wa9"), folder)
    return folder


@pytest.mark.parametrize("coordination", ORACLES)
def test_duo_equals_the_oracle(tmp_path, coordination):
    folder = copy_duo(tmp_path / "duo")
    check_gate(folder, read_case(folder), coordination)


@pytest.mark.parametrize("coordination", ORACLES)
def test_wa9_without_its_network_equals_the_oracle(frozen_wa9, coordination):
    scenario = load_scenario(frozen_wa9, {"network": "none"})
    check_gate(scenario, read_case(frozen_wa9), coordination)


@pytest.mark.parametrize("coordination", ORACLES)
@pytest.mark.parametrize("is_cut", [False, True])
def test_wa9_in_its_published_envelopes_equals_the_oracle(frozen_wa9, coordination, is_cut):
    # A voltage limit that the feeder only keeps with smaller envelopes, and a connection that
    # is enough for MG4 by itself and not when halved.
    narrow = {"network.v_min_pu": 0.97, "microgrids.MG4.connection.import_limit_kw": 75.0}
    scenario = load_scenario(frozen_wa9, narrow if is_cut else {})
    model, gate = first_gate(scenario, coordination)
    case = read_case(frozen_wa9)
    published = {
        name: (envelope.import_limit_kw, envelope.export_limit_kw)
        for name, envelope in model.market.view(model.clock.window()).envelopes.items()
    }
    n = case.window
    for site in case.sites:  # never wider than the connection
        assert np.all(published[site.name][0] <= site.import_kw[:n] + 1e-9)
        assert np.all(published[site.name][1] <= site.export_kw[:n] + 1e-9)
    solve = ORACLES[coordination]
    answer, free = solve(with_limits(case, published)), solve(case)
    scale = answer.gross
    log.info("relative difference %.3g", (gate.upper - answer.cost) / scale)
    log.info("envelopes cost %.3g of gross cost", (answer.cost - free.cost) / scale)
    assert abs(gate.upper - answer.cost) < TOLERANCE * scale
    # The envelopes bind exactly where they were meant to.
    assert (answer.cost - free.cost > 1e-4 * scale) == is_cut


@pytest.mark.parametrize("seed", range(30))
def test_random_scenarios_equal_the_oracle(tmp_path, seed):
    folder = draw_scenario(seed, tmp_path / "drawn")
    case = read_case(folder)
    assert case.buy.min() > 0.0
    for coordination in ORACLES:
        check_gate(folder, case, coordination)


@pytest.mark.parametrize("seed", [100, 101, 102, 103, 105])
def test_negative_prices_equal_a_mixed_integer_oracle(tmp_path, seed):
    folder = draw_scenario(seed, tmp_path / "drawn", negative=True, step=60, members=2)
    case = read_case(folder)
    assert case.buy.min() < 0.0
    for coordination in ORACLES:
        assert check_gate(folder, case, coordination).is_integer


@pytest.mark.parametrize("seed", [None, 10, 16, 21])
def test_nothing_is_cheaper_than_central(tmp_path, seed):
    folder = tmp_path / "scenario"
    folder = copy_duo(folder) if seed is None else draw_scenario(seed, folder)
    answer = central(read_case(folder))
    upper = {
        (strategy, coordination): first_gate(folder, coordination, strategy=strategy)[1].upper
        for strategy in STRATEGIES
        for coordination in ORACLES
    }
    slack = TOLERANCE * answer.gross
    log.info("upper: %s", upper)
    for cost in upper.values():
        assert cost >= upper["cost-minimiser", "central"] - slack
        assert cost >= answer.cost - slack
    assert upper["self-consumer", "isolated"] >= upper["cost-minimiser", "isolated"] - slack


@pytest.mark.parametrize("seed", [0, 4, 8, 13, 14])
def test_marginal_prices_lie_between_one_sided_differences(tmp_path, seed):
    folder = draw_scenario(seed, tmp_path / "drawn", step=60)
    clearing = first_gate(folder, "central")[0].market.clearing
    bought_kw = sum(np.asarray(trade.kw) for trade in clearing.trades if trade.seller == "market")
    traded = np.flatnonzero(bought_kw > 1e-6).tolist()
    case = read_case(folder)
    program = Program(case, case.sites, case.window, trades=True)
    assert not program.solve().is_integer
    assert traded
    worst = -np.inf
    for t, (left, right) in program.price_intervals(traded, SHIFT_KW).items():
        for prices in clearing.prices_per_kwh.values():
            worst = max(worst, left - prices[t], prices[t] - right)
    log.info("%d steps with trade, outside by %.3g at most", len(traded), worst)
    assert worst < PRICE_TOLERANCE
