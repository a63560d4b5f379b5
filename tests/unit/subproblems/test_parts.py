"""A microgrid's problem falls apart into what decides on its own."""

import numpy as np
import pyomo.environ as pyo
import pytest

from mmgsim.contracts import Battery, Diesel, SessionStore
from mmgsim.errors import ModelError
from mmgsim.subproblems import (
    CompiledHighs,
    MicrogridInputs,
    MicrogridProblem,
    OfferProblem,
    PrivateModel,
    Splitting,
    Terms,
    disclosure_of,
)
from mmgsim.testing import sample_view


def answers(view, prices, *, in_parts, model=None):
    problem = OfferProblem(view.name, view.devices, view.window, model=model)
    envelope = None if in_parts else view.envelope
    return problem.at_prices(disclosure_of(view), prices, envelope, 0)


def random_prices(seed, queries=4):
    return np.random.default_rng(seed).uniform(-0.02, 0.5, (queries, 24))


@pytest.mark.parametrize("seed", range(12))
def test_storage_and_units_are_blocks_and_the_rest_is_hourly(seed):
    view = sample_view(seed)
    blocks = [d for d in view.devices if isinstance(d, Battery | Diesel | SessionStore)]
    for answer in answers(view, random_prices(seed), in_parts=True):
        assert answer.parts.exchange_kw.shape == (len(blocks), 24)
        assert answer.parts.indivisible == tuple(isinstance(d, Diesel) for d in blocks)
        assert answer.parts.hourly_kw.shape == (24,)


@pytest.mark.parametrize("seed", range(12))
def test_parts_add_up_to_the_optimum_and_its_bound(seed):
    view, prices = sample_view(seed), random_prices(seed)
    for price, answer in zip(prices, answers(view, prices, in_parts=True), strict=True):
        whole = answer.parts.joined()
        value = whole.private_cost[0] - price @ whole.exchange_kw[0]
        assert value == pytest.approx(answer.lower_bound, abs=1e-7)


@pytest.mark.parametrize("seed", range(12))
def test_each_part_alone_is_the_best_answer_to_each_price(seed):
    """No part of another answer does better at this price: blocks can be combined freely."""
    view, prices = sample_view(seed), random_prices(seed)
    found = [answer.parts for answer in answers(view, prices, in_parts=True)]
    for price, own in zip(prices, found, strict=True):
        for other in found:
            mine, theirs = (p.private_cost - p.exchange_kw @ price for p in (own, other))
            assert (mine <= theirs + 1e-7).all()
            mine, theirs = (p.hourly_cost - p.hourly_kw * price for p in (own, other))
            assert (mine <= theirs + 1e-7).all()


@pytest.mark.parametrize("seed", range(12))
def test_as_a_whole_the_envelope_is_kept_and_the_bound_is_the_optimum(seed):
    view, prices = sample_view(seed), random_prices(seed)
    reference = MicrogridProblem(view.name, view.devices, view.window)
    for price, answer in zip(prices, answers(view, prices, in_parts=False), strict=True):
        exchange_kw = answer.parts.joined().exchange_kw[0]
        assert (exchange_kw >= -view.envelope.import_limit_kw - 1e-6).all()
        assert (exchange_kw <= view.envelope.export_limit_kw + 1e-6).all()
        inputs = MicrogridInputs(disclosure_of(view), Terms.at_price(view, price))
        assert answer.lower_bound == pytest.approx(reference.solve(inputs, 0).lower_bound, abs=1e-7)


@pytest.mark.parametrize("seed", [0, 1, 3, 4, 5, 7])  # without diesel, planned by tangents
def test_alone_is_the_plan_without_local_trade(seed):
    view = sample_view(seed)
    problem = OfferProblem(view.name, view.devices, view.window)
    alone = problem.alone(disclosure_of(view), view.tariff, view.envelope, 0).joined()
    own = MicrogridProblem(view.name, view.devices, view.window).solve(
        MicrogridInputs(disclosure_of(view), Terms.of(view)), 0
    )
    tariff = view.tariff

    def cost(exchange_kw, private_cost):
        paid = tariff.buy_per_kwh @ np.maximum(-exchange_kw, 0.0)
        return private_cost + paid - tariff.export_per_kwh @ np.maximum(exchange_kw, 0.0)

    assert cost(alone.exchange_kw[0], alone.private_cost[0]) == pytest.approx(
        cost(own.exchange_kw, own.private_cost), abs=1e-6
    )


@pytest.mark.parametrize("seed", range(6))
def test_nearest_to_a_feasible_exchange_at_its_own_price_is_that_exchange_in_cost(seed):
    view, prices = sample_view(seed), random_prices(seed, 1)
    problem = OfferProblem(view.name, view.devices, view.window)
    declared = disclosure_of(view)
    best = problem.at_prices(declared, prices, None, 0)[0]
    wanted_kw = best.parts.joined().exchange_kw[0]
    near = problem.nearest(declared, wanted_kw, prices[0], 0).joined()
    value = near.private_cost[0] - prices[0] @ near.exchange_kw[0]
    assert value == pytest.approx(best.lower_bound, abs=1e-6)


# ------------------------------------------------------------------------- somebody's own model
def declare_heat(block, devices, horizon):
    """A heat pump with a store of heat, a lamp that may stay off, and a fixed demand."""
    block.time = pyo.RangeSet(0, horizon.steps - 1)
    block.demand_kw = pyo.Param(block.time, mutable=True, initialize=1.0)
    block.pump_kw = pyo.Var(block.time, bounds=(0.0, 5.0))
    block.heat_kwh = pyo.Var(block.time, bounds=(0.0, 20.0))
    block.lamp_kw = pyo.Var(block.time, bounds=(0.0, 0.5))
    block.exchange_kw = pyo.Var(block.time)
    block.store = pyo.Constraint(
        block.time,
        rule=lambda b, t: (
            b.heat_kwh[t] == (b.heat_kwh[t - 1] if t else 10.0) + 3.0 * b.pump_kw[t] - 4.0
        ),
    )
    block.balance = pyo.Constraint(
        block.time,
        rule=lambda b, t: b.exchange_kw[t] + b.pump_kw[t] + b.lamp_kw[t] + b.demand_kw[t] == 0.0,
    )
    block.private_cost = pyo.Expression(
        expr=pyo.quicksum(-0.3 * block.lamp_kw[t] for t in block.time)
    )
    block.miss_cost = pyo.Expression(expr=0.0)


def update_heat(solver, block, declared):
    solver.set(block.demand_kw, np.linspace(1.0, 2.0, len(block.time)))


HEAT = PrivateModel(declare_heat, update_heat, lambda solver, block, devices: False)


def test_a_users_own_model_is_split_without_a_word():
    view = sample_view(0)
    prices = random_prices(3)
    for price, answer in zip(prices, answers(view, prices, in_parts=True, model=HEAT), strict=True):
        parts = answer.parts
        assert parts.exchange_kw.shape == (1, 24)  # the pump and its store
        lamp_kw = np.where(price < 0.3, 0.5, 0.0)
        assert parts.hourly_kw == pytest.approx(-lamp_kw - np.linspace(1.0, 2.0, 24))
        assert parts.hourly_cost == pytest.approx(-0.3 * lamp_kw)
        assert (parts.exchange_kw <= 1e-9).all()


def test_a_private_limit_of_the_exchange_keeps_the_microgrid_in_one_piece():
    def declare(block, devices, horizon):
        declare_heat(block, devices, horizon)
        block.fuse = pyo.Constraint(block.time, rule=lambda b, t: b.exchange_kw[t] >= -4.0)

    model = PrivateModel(declare, update_heat, HEAT.is_cheating)
    for answer in answers(sample_view(0), random_prices(3), in_parts=True, model=model):
        assert answer.parts.exchange_kw.shape == (1, 24)
        assert not answer.parts.hourly_cost.any()
        assert (answer.parts.joined().exchange_kw >= -4.0 - 1e-7).all()


def test_private_bounds_of_the_exchange_keep_the_microgrid_in_one_piece():
    def declare(block, devices, horizon):
        declare_heat(block, devices, horizon)
        for t in block.time:
            block.exchange_kw[t].setlb(-4.0)

    model = PrivateModel(declare, update_heat, HEAT.is_cheating)
    for answer in answers(sample_view(0), random_prices(3), in_parts=True, model=model):
        assert answer.parts.exchange_kw.shape == (1, 24)
        assert not answer.parts.hourly_kw.any() or not answer.parts.hourly_cost.any()


def test_a_cost_that_is_in_no_part_is_refused_with_the_cure():
    def declare(block, devices, horizon):
        declare_heat(block, devices, horizon)
        block.private_cost += 8.0

    model = PrivateModel(declare, update_heat, HEAT.is_cheating)
    with pytest.raises(ModelError, match="leave out constants"):
        answers(sample_view(0), random_prices(3), in_parts=True, model=model)


def bent(block):
    block.bend = pyo.Constraint(expr=block.pump_kw[0] ** 2 <= 4.0)


def costs_squares(block):
    block.private_cost += block.pump_kw[0] ** 2


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (costs_squares, "private_cost is not linear; write it with linear terms"),
        (bent, r"constraint own\.bend is not linear; write it with linear terms"),
        (lambda block: block.del_component("miss_cost"), "it lacks miss_cost; `declare` owes"),
        (lambda block: block.del_component("exchange_kw"), "it lacks exchange_kw; `declare` owes"),
        (
            lambda block: block.exchange_kw.__delitem__(23),
            r"it lacks exchange_kw\[23\]; `declare` owes",
        ),
        (lambda block: block.balance.deactivate(), "write exchange"),
    ],
)
def test_a_model_that_cannot_be_priced_is_refused_by_name_with_the_cure(spoil, fault):
    class Own:
        def declare(self, block, devices, horizon):
            declare_heat(block, devices, horizon)
            spoil(block)

    view, model = sample_view(0), PrivateModel(Own().declare, update_heat, HEAT.is_cheating)
    with pytest.raises(ModelError, match=f"of {view.name}, declared by Own, .*{fault}"):
        answers(view, random_prices(3), in_parts=True, model=model)


def test_a_model_of_a_plan_is_refused_by_name_as_well():
    view = sample_view(0)
    problem = MicrogridProblem(view.name, view.devices, view.window, model=HEAT)
    with pytest.raises(
        ModelError, match=r"declared by declare_heat, .* it lacks device; `declare`"
    ):
        problem.solve(MicrogridInputs(disclosure_of(view), Terms.of(view)), 0)


def test_a_cost_that_is_a_plain_number_will_do():
    def declare(block, devices, horizon):
        declare_heat(block, devices, horizon)
        block.del_component("miss_cost")
        block.miss_cost = 0.0

    model = PrivateModel(declare, update_heat, HEAT.is_cheating)
    assert answers(sample_view(0), random_prices(3), in_parts=True, model=model)


@pytest.mark.parametrize("cuts", [255, 256, 257])
def test_however_many_rows_two_variables_share_they_stay_together(cuts):
    def declare(block, devices, horizon):
        declare_heat(block, devices, horizon)
        block.more = pyo.Constraint(
            pyo.RangeSet(cuts), rule=lambda b, k: b.lamp_kw[0] + b.lamp_kw[1] <= 0.5 + k
        )

    model = PrivateModel(declare, update_heat, HEAT.is_cheating)
    answer = answers(sample_view(0), random_prices(3, 1), in_parts=True, model=model)[0]
    assert answer.parts.exchange_kw.shape == (2, 24)  # the pump, and the first two lamps


def test_an_exchange_without_an_equality_of_its_own_is_refused_with_the_cure():
    model = pyo.ConcreteModel()
    model.time = pyo.RangeSet(0, 1)
    model.exchange_kw = pyo.Var(model.time)
    model.limit = pyo.Constraint(model.time, rule=lambda m, t: m.exchange_kw[t] <= 1.0)
    model.goal = pyo.Objective(expr=-model.exchange_kw[0] - model.exchange_kw[1])
    with pytest.raises(ValueError, match="write exchange"):
        Splitting(CompiledHighs(model), model.exchange_kw, model)
