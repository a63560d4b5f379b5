"""Properties 11 to 13: the cost of diesel units, and what prices and devices do to own plans."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import Diesel, Load, frozen
from mmgsim.engine import build
from mmgsim.subproblems import MicrogridInputs, MicrogridProblem, Terms, disclosure_of, public_cost
from mmgsim.subproblems.devices import diesel as diesel_block

UNITS = {"MG1": (18e-6, 0.090, 1600.0), "MG2": (15e-6, 0.085, 2000.0)}
"""Table 1: A1 [USD/kW2h], A2 [USD/kWh], most power [kW]."""


@pytest.fixture(scope="module")
def views():
    model = build("ieee33mmg", overrides={"coordination": "isolated", "network": "none"})
    model.step()
    return {agent.name: agent.view for agent in model.microgrids}


def plan_of(view):
    problem = MicrogridProblem(view.name, view.devices, view.window)
    return problem.solve(MicrogridInputs(disclosure_of(view), Terms.of(view)), 0)


def cost(view):
    """Z of (21)."""
    plan, nothing = plan_of(view), np.zeros(view.window.steps)
    return plan.private_cost + public_cost(
        plan.exchange_kw, nothing, Terms.of(view).prices, view.window.step_h
    )


def at_prices(view, buy, sell):
    tariff = replace(view.tariff, import_per_kwh=frozen(buy), export_per_kwh=frozen(sell))
    return replace(view, tariff=tariff)


# ---------------------------------------------------------------------------------- 11: fuel
@pytest.mark.parametrize("name", UNITS)
def test_tangents_lie_below_the_true_cost_by_no_more_than_their_spacing_allows(views, name):
    unit = next(d for d in views[name].devices if isinstance(d, Diesel))
    a1, a2, most_kw = UNITS[name]
    power_kw = np.linspace(unit.power_min_kw, most_kw, 400)
    true = a1 * power_kw**2 + a2 * power_kw
    np.testing.assert_allclose(unit.fuel_per_h(power_kw), true, rtol=1e-12)
    count = diesel_block.TANGENTS
    at = np.linspace(unit.power_min_kw, most_kw, count)
    tangents = a1 * (2.0 * np.outer(power_kw, at) - at**2) + a2 * power_kw[:, None]
    below = true - tangents.max(axis=1)
    spacing = (most_kw - unit.power_min_kw) / (count - 1)
    assert below.min() >= -1e-9
    assert below.max() <= a1 * (spacing / 2.0) ** 2 + 1e-9


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize("price", [0.10, 0.12, 0.14])
def test_a_unit_alone_runs_where_its_marginal_cost_meets_the_price(views, name, price):
    """``clip((price - A2) / 2 A1, 0, most)``, to half the spacing of the tangents."""
    view, (a1, a2, most_kw) = views[name], UNITS[name]
    unit = next(d for d in view.devices if isinstance(d, Diesel))
    unit = replace(unit, ramp_kw_per_h=np.inf, start_up_cost=0.0)
    flat = np.full(view.window.steps, price)
    alone = replace(
        at_prices(view, flat + 1e-9, flat),
        devices=(unit,),
        forecast_kw={},
        storage={},
    )
    best_kw = np.clip((price - a2) / (2.0 * a1), 0.0, most_kw)
    spacing = (most_kw - unit.power_min_kw) / (diesel_block.TANGENTS - 1)
    found_kw = plan_of(alone).exchange_kw
    np.testing.assert_allclose(found_kw, best_kw, atol=spacing / 2.0 + 1e-6)


# -------------------------------------------------------------------------------- 12: prices
def test_nobody_buys_and_sells_at_once(views):
    """Doing both would cost the spread: the optimum is what the net exchange alone costs."""
    view = views["MG3"]
    assert (view.tariff.import_per_kwh > view.tariff.export_per_kwh).all()
    assert plan_of(view).lower_bound == pytest.approx(cost(view), rel=1e-9)


@pytest.mark.parametrize("name", ["MG1", "MG3"])
def test_dearer_buying_costs_no_less_and_dearer_selling_no_more(views, name):
    view = views[name]
    buy, sell = view.tariff.import_per_kwh, view.tariff.export_per_kwh
    costs = [cost(at_prices(view, buy + more, sell)) for more in (0.0, 0.005, 0.02)]
    assert np.diff(costs).min() >= -1e-6
    costs = [cost(at_prices(view, buy, sell - less)) for less in (0.0, 0.005, 0.02)]
    assert np.diff(costs).min() >= -1e-6


# ---------------------------------------------------------------------------- 13: load, devices
def test_more_load_costs_no_less(views):
    view = views["MG3"]
    name = next(d.name for d in view.devices if isinstance(d, Load))
    costs = [
        cost(
            replace(
                view, forecast_kw={**view.forecast_kw, name: frozen(k * view.forecast_kw[name])}
            )
        )
        for k in (1.0, 1.1, 1.3)
    ]
    assert np.diff(costs).min() >= -1e-6


def test_another_device_never_costs_more(views):
    """A unit with a least power can stay off; storage that may stand still can stand still."""
    view = views["MG3"]
    unit = Diesel("more", 1.0, 500.0, 0.12, 1e-5, 0.0, 10.0, np.inf)
    state = replace(
        view.state, diesel={**view.state.diesel, "more": views["MG1"].state.diesel["genset"]}
    )
    richer = replace(view, devices=(*view.devices, unit), state=state)
    assert cost(richer) <= cost(view) + 1e-6
