"""Dividing a day of a scenario: tables, files, faults, and samples where groups are too many."""

import json
from pathlib import Path

import numpy as np
import pytest

import mmgsim
from mmgsim.coordination import shapley_value
from mmgsim.division import RULE_WORDS, DayGame, Rule, bills_by_rule, sampled_shapley, violations
from mmgsim.errors import ScenarioError
from tests.support import p001


@pytest.fixture(scope="module")
def duo(tmp_path_factory):
    return mmgsim.divide("duo", out=tmp_path_factory.mktemp("divide") / "duo")


def test_every_rule_is_there_by_default(duo):
    assert list(duo.violations.index) == [str(rule) for rule in Rule]


def test_rules_that_were_taken_are_told_below_the_tables(duo, tmp_path):
    assert list(RULE_WORDS) == list(Rule)
    lines = [f"{rule}: {words}." for rule, words in RULE_WORDS.items()]
    assert list(duo.notes[: len(lines)]) == lines
    page = (duo.folder / "divide.html").read_text(encoding="utf-8")
    assert all(f">{line}<" in page for line in lines)
    two = mmgsim.divide("duo", "marginal,nash", out=tmp_path / "two")
    assert [note.partition(":")[0] for note in two.notes[:2]] == ["marginal", "nash"]
    assert not any(note.startswith("shapley") for note in two.notes)


def test_the_readme_tells_rules_in_the_same_words():
    text = " ".join((Path(__file__).parents[3] / "README.md").read_text("utf-8").split())
    for rule, words in RULE_WORDS.items():
        assert f"- `{rule}`: {words}" in text


def test_bills_add_up_to_what_central_costs_in_one_gate_of_the_day(duo, tmp_path):
    run = mmgsim.run("duo", overrides={"gate.every": "1d"}, out=tmp_path / "central")
    sums = duo.table[duo.table.microgrid == "(all)"].bill
    np.testing.assert_allclose(sums, run.summary["members_cost"])


def test_what_each_pays_alone_is_its_bill_without_trade(duo, tmp_path):
    overrides = {"gate.every": "1d", "coordination": "isolated"}
    run = mmgsim.run("duo", overrides=overrides, out=tmp_path / "isolated")
    alone = duo.table.query("rule == 'nash'").set_index("microgrid").alone
    for name, cost in run.summary["cost_by_microgrid"].items():
        assert alone[name] == pytest.approx(cost)


def test_of_two_all_rules_of_groups_are_the_same(duo):
    bills = duo.table.pivot(index="microgrid", columns="rule", values="bill")
    np.testing.assert_allclose(bills.shapley, bills.nash)
    np.testing.assert_allclose(bills.nucleolus, bills.nash, rtol=1e-6)


def test_a_rule_without_price_names_its_loser(duo):
    broken = duo.violations.loc["none"]
    assert broken.loser == broken.group == "MG1"
    assert broken.rationality > 1.0
    assert duo.violations.budget.eq(0.0).all()


def test_files_hold_what_the_tables_hold(duo):
    content = json.loads((duo.folder / "divide.json").read_text(encoding="utf-8"))
    assert content["bills"] == json.loads(json.dumps(duo.table.to_dict("records")))
    page = (duo.folder / "divide.html").read_text(encoding="utf-8")
    assert "nobody above alone" in page
    assert {p.name for p in duo.folder.iterdir()} == {
        *("bills.csv", "violations.csv", "divide.json", "divide.html"),
    }


def test_all_faults_come_at_once(tmp_path):
    with pytest.raises(ScenarioError) as refused:
        mmgsim.divide("duo", "shaply,pay-as-bid,nash,nash", day=3, orders=1, out=tmp_path / "x")
    assert [fault.where for fault in refused.value.faults] == ["day", *["rules"] * 3, "orders"]
    assert not (tmp_path / "x").exists()


def test_faults_of_the_scenario_come_with_those_of_the_rules(tmp_path):
    with pytest.raises(ScenarioError) as refused:
        mmgsim.divide("duo", "nuc", overrides={"days": "x"}, out=tmp_path / "x")
    assert [fault.where for fault in refused.value.faults] == ["days", "rules"]


# ------------------------------------------------------------------------------- samples
def test_sampled_shares_are_within_four_standard_errors_of_the_exact_ones():
    rng = np.random.default_rng(1)
    worth = np.array([0.0, *rng.uniform(0.0, 10.0, 63)])
    drawn = sampled_shapley(lambda mask: worth[mask], 6, orders=400, rng=rng)
    exact = shapley_value(worth)
    assert (np.abs(drawn.shares - exact) <= 4.0 * drawn.standard_error).all()
    assert drawn.shares.sum() == pytest.approx(worth[-1])


def test_errors_of_samples_shrink_with_their_number():
    worth = np.array([0.0, *np.random.default_rng(2).uniform(0.0, 10.0, 31)])
    few, many = (
        sampled_shapley(lambda m: worth[m], 5, orders=n, rng=np.random.default_rng(3))
        for n in (50, 5000)
    )
    np.testing.assert_allclose(few.standard_error / many.standard_error, 10.0, rtol=0.4)


def test_thirteen_members_are_sampled_and_say_so():
    rng = np.random.default_rng(4)
    prices = p001.random_prices(rng, 2)
    game = DayGame(p001.game_day(p001.random_members(rng, 13, prices)))
    found = bills_by_rule(game, (Rule.MARGINAL, Rule.SHAPLEY), orders=5)
    assert not game.is_exact
    assert found[Rule.SHAPLEY].standard_error.max() > 0.0
    assert found[Rule.SHAPLEY].bills.sum() == pytest.approx(game.total)
    # Nobody, everybody, thirteen alone, and at most eleven groups an order.
    assert len(game.known) <= 15 + 5 * 11
    assert violations(game, found[Rule.MARGINAL].bills, rounding=1e-4).core == 0.0


def test_a_bill_that_does_not_add_up_is_a_violation():
    rng = np.random.default_rng(5)
    game = DayGame(p001.game_day(p001.random_members(rng, 3, p001.random_prices(rng, 4))))
    game.costs()
    found = violations(game, game.alone + np.array([0.0, 2.0, 0.0]), rounding=1e-6)
    gain = game.alone.sum() - game.total
    assert found.budget == pytest.approx(gain + 2.0)
    assert found.rationality == pytest.approx(2.0)
    assert found.loser == "M1"
