"""Property 18 of paper 004 over simulated years: names and order of microgrids change nothing."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.sizing import Sharing, Stores, YearSimulator, appraise, least_annual_cost
from tests.support.sizing import limited, random_case, random_sizes, terms_of

BY_MICROGRID = (
    "load_kw",
    "yield_pu",
    "peer_per_kwh",
    "may_sell",
    "unserved_per_kwh",
    "import_limit_kw",
    "export_limit_kw",
    "present",
    "low",
    "high",
)


def permuted(case, order):
    return replace(
        case,
        names=tuple("ZYXW"[k] for k in order),
        distance_km=case.distance_km[np.ix_(order, order)],
        stores=Stores(*(getattr(case.stores, name)[order] for name in Stores.__slots__)),
        **{name: getattr(case, name)[order] for name in BY_MICROGRID},
    )


@pytest.mark.parametrize("sharing", Sharing)
@pytest.mark.parametrize("are_equally_far", [False, True])
def test_the_same_microgrids_in_another_order_come_to_the_same(sharing, are_equally_far):
    case = limited(random_case(7, members=4, steps=150))
    if are_equally_far:
        case = replace(case, distance_km=np.ones((4, 4)))
    order, sizes = [2, 0, 3, 1], random_sizes(case, 5)
    other = permuted(case, order)
    before = YearSimulator(case, sharing, engine="numpy")
    after = YearSimulator(other, sharing, engine="numpy")
    first, second = before.totals(sizes).values, after.totals(sizes[:, order]).values
    if sharing is not Sharing.POOL:
        first = first[:, order]
    np.testing.assert_allclose(second, first, rtol=1e-9, atol=1e-6)
    costs = (
        appraise(simulator, sized, terms_of(simulator.case)).weighted
        for simulator, sized in ((before, sizes), (after, sizes[:, order]))
    )
    np.testing.assert_allclose(*costs, rtol=1e-12)


@pytest.mark.parametrize("sharing", [Sharing.GRID, Sharing.POOL])
def test_the_least_cost_hangs_on_no_order(sharing):
    case = random_case(9, steps=96)
    order = [1, 2, 0]
    found = least_annual_cost(case, sharing, terms_of(case))
    other = least_annual_cost(permuted(case, order), sharing, terms_of(case))
    assert other.cost == pytest.approx(found.cost, rel=1e-7)
