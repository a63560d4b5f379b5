"""Properties 1 and 2 of paper 004 over simulated years: balances, and limits of batteries."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.sizing import Sharing, YearSimulator, by_step
from mmgsim.sizing.rule import rule_inputs
from tests.support.sizing import alike, limited, random_case, random_sizes


@pytest.fixture(params=range(4))
def year(request):
    """Give a case with limits and few peers or many, and sizes, some of them zero."""
    case = limited(random_case(request.param, steps=150, step_h=0.5), request.param)
    if request.param % 2:
        case = replace(case, distance_km=np.where(case.distance_km < 9.0, np.inf, 3.0))
    sizes = random_sizes(case, 6)
    sizes[0], sizes[1, :, 2], sizes[2, 0] = 0.0, 0.0, 0.0
    return case, sizes


@pytest.mark.parametrize("sharing", Sharing)
def test_what_comes_in_is_what_goes_out_in_every_step(year, sharing):
    case, sizes = year
    flows = by_step(rule_inputs(case, sharing), sizes)
    sources = ("generated", "discharged", "bought", "imported", "unserved")
    sinks = ("load", "charged", "sold", "exported", "spilled")
    in_kw, out_kw = (sum(flows[f"{name}_kw"] for name in side) for side in (sources, sinks))
    np.testing.assert_allclose(in_kw, out_kw, rtol=0.0, atol=1e-9)
    assert min(flow.min() for flow in flows.values()) >= -1e-9
    np.testing.assert_allclose(
        flows["sold_kw"].sum(axis=2), flows["bought_kw"].sum(axis=2), rtol=0.0, atol=1e-9
    )
    assert np.minimum(flows["imported_kw"], flows["exported_kw"]).max() <= 1e-9
    assert np.minimum(flows["charged_kw"], flows["discharged_kw"]).max() == 0.0


@pytest.mark.parametrize("sharing", Sharing)
def test_the_year_balances_and_is_the_sum_of_its_steps(year, sharing):
    case, sizes = year
    totals = YearSimulator(case, sharing, engine="numpy").totals(sizes)
    sources = ("generated", "discharged", "bought", "imported", "unserved")
    sinks = ("charged", "sold", "exported", "spilled")
    in_kwh, out_kwh = (
        sum(totals.of(f"{name}_kwh") for name in side).sum(axis=1) for side in (sources, sinks)
    )
    np.testing.assert_allclose(in_kwh, out_kwh + case.load_kwh.sum(), rtol=1e-12)
    flows = by_step(rule_inputs(case, sharing), sizes)
    for name in (*sources, *sinks):
        summed = case.step_h * flows[f"{name}_kw"].sum(axis=0)
        np.testing.assert_allclose(totals.of(f"{name}_kwh"), summed, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(
        totals.of("peer_payments").sum(axis=1), totals.of("peer_income").sum(axis=1), atol=1e-9
    )


@pytest.mark.parametrize(("floor", "start", "power"), [(0.2, 0.2, 0.5), (0.0, 1.0, 5.0)])
def test_what_is_stored_stays_between_floor_and_size(floor, start, power):
    case = random_case(5, stores=alike(3, floor=floor, start=start, power=power))
    sizes = random_sizes(case, 5)
    flows = by_step(rule_inputs(case, Sharing.PEERS), sizes)
    stored_kwh, size_kwh = flows["stored_kwh"], sizes[None, :, :, 2]
    assert (stored_kwh - floor * size_kwh).min() >= -1e-9
    assert (stored_kwh - size_kwh).max() <= 1e-9
    before = np.concatenate([start * size_kwh, stored_kwh[:-1]])
    change = 0.95 * flows["charged_kw"] - flows["discharged_kw"] / 0.95
    np.testing.assert_allclose(stored_kwh - before, change, rtol=0.0, atol=1e-9)
    assert stored_kwh.max() == pytest.approx(size_kwh.max(), rel=1e-6)  # some are filled
