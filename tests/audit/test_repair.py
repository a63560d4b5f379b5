"""Verify and repair, from the written tables: what was broken in the plan, and what came of it."""

import pytest

pytestmark = pytest.mark.slow  # two days of a congested feeder, planned several times an hour


@pytest.fixture(scope="module")
def tight(get_run):
    return get_run("tight")


def has(run, flag):
    return run.table("steps")["flags"].str.split().map(lambda flags: flag in flags)


def test_a_tenth_of_the_steps_breaks_a_limit_in_the_plan_and_half_of_them_end_ok(tight):
    planned, is_ok = has(tight, "plan_violation"), tight.table("steps").status == "ok"
    assert planned.mean() >= 0.1
    assert (planned & is_ok).sum() >= 0.5 * planned.sum()
    assert has(tight, "repaired").equals(planned & is_ok)
    assert tight.summary["steps_plan_violation"] == planned.sum()
    assert tight.summary["steps_repaired"] == (planned & is_ok).sum()


def test_gates_are_planned_again_where_plans_break_a_limit(tight):
    gates = tight.table("gates").set_index("time")
    most = tight.scenario["repair"]["rounds"]
    assert gates.repair_rounds.between(0, most).all()
    assert (gates.violated_steps_before[gates.repair_rounds > 0] > 0).all()
    assert gates.violated_steps_after.sum() <= 0.1 * gates.violated_steps_before.sum()
    # A gate at every step: what a step was planned with is what its own gate looked at.
    flagged = tight.table("steps").time[has(tight, "plan_violation")]
    assert (gates.violated_steps_before[flagged] > 0).all()


def test_the_last_envelope_binds_in_dispatch(tight):
    exchange_kw = tight.by_member("dispatch", "exchange_kw")
    assert (exchange_kw <= tight.by_member("prices", "export_limit_kw") + 1e-6).all().all()
    assert (exchange_kw >= -tight.by_member("prices", "import_limit_kw") - 1e-6).all().all()


def test_some_envelopes_are_cut_and_most_are_not(tight):
    limits = ["import_limit_kw", "export_limit_kw"]
    prices = tight.table("prices")
    whole_kw = prices.groupby("microgrid")[limits].transform("max")
    configured_kw = prices.microgrid.map(
        {name: mg["connection"]["import_limit_kw"] for name, mg in tight.microgrids().items()}
    )
    assert (whole_kw.import_limit_kw == configured_kw).all()
    is_cut = (prices[limits] < whole_kw - 1e-6).any(axis=1)
    assert 0.0 < is_cut.mean() < 0.5


def test_without_repair_no_gate_says_what_was_broken(get_run):
    gates = get_run("wa9").table("gates")
    assert (gates.repair_rounds == 0).all()
    assert gates.violated_steps_before.isna().all()
    assert gates.violated_steps_after.isna().all()
