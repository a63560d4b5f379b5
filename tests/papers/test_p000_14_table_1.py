"""Property 14 of paper 000: Table I as printed, its sums, its rounding and its contradiction.

These are the paper's own numbers, typed in from it. Nothing here says that a run gives them.
"""

from fractions import Fraction

import pytest

from mmgsim.reproduce import Verdict
from mmgsim.reproduce.paper_000_text import read_microgrids, read_totals, text_claims
from mmgsim.scenario import load_scenario


@pytest.fixture(scope="module")
def table():
    return read_microgrids()


@pytest.fixture(scope="module")
def claims():
    return {claim.number: claim for claim in text_claims()}


def exact(values):
    return sum(Fraction(str(value)) for value in values)


def test_the_columns_sum_to_what_is_printed_but_for_a_rounding(table):
    alone = exact(table.cost_alone_per_year)
    together = exact(table.cost_collaborative_per_year)
    assert alone == Fraction("365083.95")  # printed: 365,084
    assert together == Fraction("341355.30")
    assert alone - together == Fraction("23728.65")
    assert round(100 * float((alone - together) / alone), 2) == 6.50


def test_every_annual_cost_is_365_times_whole_cents(table):
    for column in ("cost_alone_per_year", "cost_collaborative_per_year"):
        for value in table[column]:
            assert (Fraction(str(value)) / 365 * 100).denominator == 1, value


def test_the_printed_percentages_follow_from_the_costs(table):
    percent = 100 * (1 - table.cost_collaborative_per_year / table.cost_alone_per_year)
    assert percent.round(2).tolist() == table.saving_percent.tolist()


def test_20169_kwh_of_upstream_energy_have_no_source(claims):
    totals = read_totals()
    upstream = totals["upstream_alone_kwh"] - totals["upstream_collaborative_kwh"]
    loss = totals["loss_alone_kwh"] - totals["loss_collaborative_kwh"]
    assert (upstream, loss, upstream - loss) == (20319, 150, 20169)
    assert claims["T6"].verdict is Verdict.NOT_REPRODUCIBLE
    assert "20,169 kWh" in claims["T6"].why


def test_the_claims_on_sums_are_reproduced_by_adding_up(claims):
    for number in ("T1", "T2", "T3", "T4", "T5"):
        assert claims[number].verdict is Verdict.REPRODUCED, number
    assert claims["T3"].found == pytest.approx(23728.65)


def test_wa9_has_the_sizes_that_the_paper_prints(table):
    for microgrid in load_scenario("wa9").scenario.microgrids:
        sizes = dict.fromkeys(("pv", "battery"), 0.0)
        for device in microgrid.devices:
            if device.kind in sizes:
                sizes[device.kind] += getattr(device, "rating_kw", 0.0) or device.energy_kwh
        row = table.loc[microgrid.name]
        assert (sizes["pv"], sizes["battery"]) == (row.pv_kw, row.storage_kwh)
