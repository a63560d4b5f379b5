"""How plans are named on the command line and in Python, and what is refused."""

import pytest

from mmgsim.errors import ComparisonError, ScenarioError
from mmgsim.judge.plans import Plan, chosen_plans, loaded_plans

UNCERTAIN = {"uncertainty.load": {"kind": "normal", "sd": 0.1}}


def test_plans_are_coordinations_with_or_without_a_strategy_or_mappings():
    text = "isolated, central+self-consumer, {kind: prices, tolerance: 0.01}"
    found = chosen_plans("duo", f"{text}, {{coordination: central, forecast: perfect, name: best}}")
    assert found == [
        Plan("isolated", "isolated"),
        Plan("central+self-consumer", "central", "self-consumer"),
        Plan("prices tolerance 0.01", {"kind": "prices", "tolerance": 0.01}),
        Plan("best", "central", forecast="perfect"),
    ]


def test_a_mapping_without_a_name_is_called_by_what_it_says():
    given = {"coordination": "central", "strategy": {"kind": "markup"}, "set": {"seed": 3}}
    assert chosen_plans("duo", [given])[0].name == "central markup seed 3"


@pytest.mark.parametrize(
    ("plans", "told"),
    [
        ("isolated,isolated", "'isolated' is there twice; give each a `name`"),
        ("", "there is none"),
        ("isolated,+robust", "'+robust' is no plan"),
        ("isolated,central+", "'central+' is no plan"),
        ("{coordination: central, stategy: markup}", "no key 'stategy'; did you mean 'strategy'"),
        ("{coordination: [", "is not like isolated"),
        ("isolated,3", "3 is no plan"),
    ],
)
def test_what_is_no_plan_is_named_with_its_cure(plans, told):
    with pytest.raises(ComparisonError) as caught:
        chosen_plans("duo", plans)
    assert told in str(caught.value)


def test_all_faults_of_plans_are_named_at_once():
    with pytest.raises(ComparisonError) as caught:
        chosen_plans("duo", "isolated,isolated,+robust")
    assert len(caught.value.faults) == 2


def test_plans_expect_the_mean_unless_they_or_all_say_otherwise():
    plans = chosen_plans("duo", "isolated,{coordination: central, forecast: perfect}")
    loaded = loaded_plans("duo", plans, UNCERTAIN)
    assert [one.scenario.forecast.kind for one in loaded.values()] == ["expected", "perfect"]
    everywhere = loaded_plans("duo", plans, {**UNCERTAIN, "forecast": "persistence"})
    assert {one.scenario.forecast.kind for one in everywhere.values()} == {"persistence"}


def test_a_scenario_in_which_nothing_is_uncertain_is_refused():
    with pytest.raises(ScenarioError, match="every future would be the same"):
        loaded_plans("duo", chosen_plans("duo", "isolated"), {})


def test_an_unknown_strategy_is_a_fault_of_the_scenario():
    with pytest.raises(ScenarioError, match="self-consumr"):
        loaded_plans("duo", chosen_plans("duo", "isolated+self-consumr"), UNCERTAIN)
