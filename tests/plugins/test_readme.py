"""The examples of agents/README.md run, and do what is said of them."""

import re
from pathlib import Path

import numpy as np
import pytest

import mmgsim
from mmgsim.contracts import OrderQuery, Side
from mmgsim.scenario import Kind, find_class
from mmgsim.scenario.packages import GROUPS
from mmgsim.testing import (
    check_market,
    check_mechanism,
    check_operator,
    check_strategy,
    sample_view,
)
from mmgsim_agents.strategies import OptimisingStrategy

README = Path(__file__).parents[2] / "agents" / "README.md"
CAP_KW = 12.0


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """Write every example to the file that its first line names."""
    folder = tmp_path_factory.mktemp("examples")
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    for name, code in blocks:
        (folder / name).write_text(code, encoding="utf-8")
    return folder


def run(**options):
    model = mmgsim.build("duo", **options)
    while not model.clock.is_finished:
        model.step()
    return model


def test_every_example_is_here(examples):
    names = sorted(path.name for path in examples.iterdir())
    others = ["my_dno.py", "my_market.py", "shaver.py", "spare_pool.py"]
    assert names == ["capped.py", "evening.py", *others, "wary.py"]


@pytest.mark.parametrize(
    "reference",
    ["shaver.py:PeakShaver", "capped.py:Capped", "evening.py:EveningAsker", "wary.py:Wary"],
)
def test_strategies_keep_their_contract(examples, reference):
    check_strategy(find_class(Kind.STRATEGY, reference, examples))


def test_the_dno_the_market_and_the_mechanism_keep_their_contracts(examples):
    check_market(find_class(Kind.MARKET, "my_market.py:MyMarket", examples), seeds=2)
    check_operator(find_class(Kind.OPERATOR, "my_dno.py:MyDno", examples), seeds=2)
    check_mechanism(find_class(Kind.MECHANISM, "spare_pool.py:SparePool", examples), seeds=2)


def test_the_pool_costs_less_than_the_grid_alone(examples):
    alone, pooled = (
        run(coordination=kind) for kind in ("isolated", f"{examples}/spare_pool.py:SparePool")
    )
    assert pooled.table("trades").kw.sum() > 0.0
    assert pooled.recorder.totals.objective_cost < alone.recorder.totals.objective_cost


def test_every_group_of_entry_points_is_shown():
    shown = re.findall(r'entry-points."(mmgsim\.\w+)"', README.read_text("utf-8"))
    assert sorted(shown) == sorted(GROUPS.values())


def test_the_peak_shaver_keeps_its_cap_alone(examples):
    shaver = {"microgrids.MG1.strategy": f"{examples}/shaver.py:PeakShaver"}
    runs = [run(coordination="isolated", overrides=extra) for extra in ({}, shaver)]
    most_kw = [most_drawn_kw(model) for model in runs]
    assert most_kw[0] > CAP_KW + 1.0
    assert most_kw[1] <= CAP_KW + 1e-6


def test_the_wary_one_plans_with_less_sun_than_is_expected(examples):
    told = {"uncertainty": {"future": 1, "pv": {"kind": "beta"}}, "forecast": "expected"}
    wary = {"microgrids.MG1.strategy": f"{examples}/wary.py:Wary"}
    one = mmgsim.build("duo", coordination="isolated", overrides={**told, **wary})
    one.step()
    agent = one.microgrids["MG1"]
    planned_kw = agent.plan.schedule["roof"].expected_kw
    sure_kw = agent.view.outlook.quantile_kw(0.2)["roof"]
    expected_kw = agent.view.forecast_kw["roof"]
    assert planned_kw == pytest.approx(np.minimum(sure_kw, expected_kw))
    assert planned_kw.sum() < expected_kw.sum()
    assert not one.recorder.totals.faults


def test_the_evening_asker_asks_more_in_the_evening_alone(examples):
    asker = find_class(Kind.STRATEGY, "evening.py:EveningAsker", examples)
    raised = set()
    for seed in range(4):
        view = sample_view(seed)
        query = OrderQuery(
            to=view.name, window=view.window, offsets=tuple(range(view.window.steps))
        )
        true, asked = (make().order(view, query).orders for make in (OptimisingStrategy, asker))
        for one, other in zip(true, asked, strict=True):
            hour = view.window.local_hours()[one.offset]
            factor = 1.2 if one.side == Side.SELL and 17 <= hour < 21 else 1.0
            up = (factor - 1.0) * abs(one.price_per_kwh)
            assert other.price_per_kwh == pytest.approx(one.price_per_kwh + up)
            raised.add(factor)
    assert raised == {1.0, 1.2}


def test_what_a_learner_learnt_can_be_read_after_a_step():
    model = mmgsim.build("duo", coordination="auction", strategy="learner")
    model.step()
    assert len(model.microgrids["MG1"].carried()["memory"]["propensities"]) > 1


def test_a_model_of_ones_own_plans_and_follows_awards(examples):
    capped = {"microgrids.MG1.strategy": f"{examples}/capped.py:Capped"}
    for coordination in ("isolated", "central"):
        model = run(coordination=coordination, overrides=capped)
        assert most_drawn_kw(model) <= CAP_KW + 1e-6


def test_a_private_cost_shows_as_a_gap_of_the_planner(examples):
    strategy = {"kind": f"{examples}/capped.py:Capped", "options": {"most_kw": 100.0}}
    model = run(coordination="central", overrides={"microgrids.MG1.strategy": strategy})
    assert model.table("gates").gap.between(0.01, 0.1).all()


@pytest.mark.parametrize("offers", ["device", "agent"])
def test_a_model_of_ones_own_takes_part_in_prices(examples, offers):
    overrides = {"coordination": {"kind": "prices", "offers": offers}}
    capped = {"microgrids.MG1.strategy": f"{examples}/capped.py:Capped"}
    runs = [run(overrides={**overrides, **extra}) for extra in ({}, capped)]
    most_kw = [most_drawn_kw(model) for model in runs]
    assert most_kw[0] > CAP_KW + 1.0
    assert most_kw[1] <= CAP_KW + 1e-6
    gates = runs[1].table("gates")
    assert gates.gap.between(-1e-6, 1e-3).all()
    assert runs[1].table("trades").kw.sum() > 0.0


def most_drawn_kw(model):
    dispatch = model.table("dispatch").set_index("microgrid")
    return -dispatch.loc["MG1"].exchange_kw.min()


def test_the_dno_publishes_its_share(examples):
    options = {"operator.kind": f"{examples}/my_dno.py:MyDno", "operator.options.share": 0.4}
    plain, less = (run(overrides=extra).table("prices") for extra in ({}, options))
    assert np.allclose(less.import_limit_kw, 0.4 * plain.import_limit_kw)


def test_the_market_keeps_its_fee(examples):
    options = {
        "market.kind": f"{examples}/my_market.py:MyMarket",
        "market.options.fee_per_kwh": 0.02,
    }
    model = run(overrides=options)
    fees = model.table("ledger").query("item == 'market_fee'")
    bought_kwh = model.table("dispatch").bought_kw.sum()
    assert fees.amount.sum() == pytest.approx(0.02 * bought_kwh)
    assert fees.amount.sum() > 0.0
