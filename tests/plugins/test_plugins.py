"""Somebody else's strategy, DNO and market, each in a file outside the package, by reference."""

from pathlib import Path

import numpy as np
import pytest

import mmgsim

pytestmark = pytest.mark.pages

STRATEGY = '''
import numpy as np
from mmgsim_agents.strategies import OptimisingStrategy


class NoExport(OptimisingStrategy):
    """Never lets power out: what it cannot use or store is spilled."""

    def plan(self, view, terms):
        never = np.zeros(view.window.steps)
        return super().plan(view, terms.within(-np.inf * np.ones_like(never), never))
'''

OPERATOR = '''
from dataclasses import replace
from mmgsim.contracts import frozen
from mmgsim_agents.operators.standard import StandardOperator


class HalfOperator(StandardOperator):
    """Publishes half of every envelope."""

    def publish(self, view):
        tariff, envelopes = super().publish(view)
        return tariff, {
            name: replace(
                envelope,
                import_limit_kw=frozen(0.5 * envelope.import_limit_kw),
                export_limit_kw=frozen(0.5 * envelope.export_limit_kw),
            )
            for name, envelope in envelopes.items()
        }
'''

MARKET = '''
from mmgsim.contracts import LedgerLine, Party
from mmgsim_agents.markets.standard import StandardMarket


class FeeMarket(StandardMarket):
    """Keeps a fee on every kWh that is traded, from the buyer."""

    def __init__(self, coordination, fee_per_kwh):
        super().__init__(coordination)
        self.fee_per_kwh = fee_per_kwh

    def settle(self, view, executed):
        lines = super().settle(view, executed)
        for trade in executed.trades:
            if trade.buyer != Party.MARKET:
                kwh = float(trade.kw[0]) * executed.window.step_h
                fee = kwh * self.fee_per_kwh
                lines.append(LedgerLine(trade.buyer, "market", "market_fee", kwh, fee))
        return lines
'''

REVIEWER = '''
from dataclasses import replace
import numpy as np
from mmgsim.contracts import ACCEPTED, frozen
from mmgsim_agents.operators.standard import StandardOperator


class NoonReviewer(StandardOperator):
    """Lets nobody export more than 5 kW, but says so only when it sees the plans."""

    reviews = True

    def review(self, view, plans):
        if max(plan.exchange_kw.max() for plan in plans.values()) <= 5.0 + 1e-6:
            return ACCEPTED
        _, envelopes = self.publish(view)
        five = frozen(np.full(view.window.steps, 5.0))
        return {
            name: replace(envelope, export_limit_kw=five) for name, envelope in envelopes.items()
        }
'''


def run(**options):
    model = mmgsim.build("duo", **options)
    while not model.clock.is_finished:
        model.step()
    return model


@pytest.fixture(scope="module")
def plain():
    return run()


@pytest.fixture
def plugin(tmp_path):
    def write(name, code) -> str:
        path: Path = tmp_path / name
        path.write_text(code)
        return str(path)

    return write


def test_a_strategy_of_fifteen_lines_changes_its_own_rows_only(plugin):
    code = f"{plugin('mine.py', STRATEGY)}:NoExport"
    alone = run(coordination="isolated")
    mine = run(coordination="isolated", overrides={"microgrids.MG1.strategy": code})
    before, after = (m.table("dispatch").set_index("microgrid") for m in (alone, mine))
    assert before.loc["MG1"].export_kw.sum() > 1.0
    assert after.loc["MG1"].export_kw.max() <= 1e-6
    assert after.loc["MG1"].spilled_kw.sum() > before.loc["MG1"].spilled_kw.sum() + 1.0
    assert after.loc["MG2"].equals(before.loc["MG2"])


def test_a_dno_that_halves_all_envelopes_halves_the_published_limits(plugin, plain):
    halved = run(overrides={"operator.kind": f"{plugin('dno.py', OPERATOR)}:HalfOperator"})
    limits = ["import_limit_kw", "export_limit_kw"]
    assert np.array_equal(
        halved.table("prices")[limits].to_numpy(), 0.5 * plain.table("prices")[limits].to_numpy()
    )
    dispatch = halved.table("dispatch").merge(halved.table("prices"), on=["time", "microgrid"])
    assert (dispatch.exchange_kw <= dispatch.export_limit_kw + 1e-6).all()
    assert (dispatch.exchange_kw >= -dispatch.import_limit_kw - 1e-6).all()


def test_a_market_with_a_fee_books_it_and_changes_no_dispatch(plugin, plain):
    reference = {"kind": f"{plugin('fee.py', MARKET)}:FeeMarket", "options": {"fee_per_kwh": 0.01}}
    charged = run(overrides={"market": reference})
    assert charged.table("dispatch").equals(plain.table("dispatch"))
    fees = charged.table("ledger").query("item == 'market_fee'")
    traded_kwh = charged.table("dispatch").bought_kw.sum()
    assert fees.amount.sum() == pytest.approx(0.01 * traded_kwh)
    assert charged.recorder.totals.market_kept == pytest.approx(fees.amount.sum())
    assert plain.recorder.totals.market_kept == pytest.approx(0.0, abs=1e-9)
    more = charged.recorder.totals.members_cost - plain.recorder.totals.members_cost
    assert more == pytest.approx(0.01 * traded_kwh)


def test_a_dno_that_reviews_plans_has_them_made_again(plugin):
    reviewed = run(
        overrides={
            "operator.kind": f"{plugin('reviewer.py', REVIEWER)}:NoonReviewer",
            "repair.rounds": 2,
        }
    )
    assert reviewed.table("dispatch").exchange_kw.max() <= 5.0 + 1e-6
    gates = reviewed.table("gates")
    assert set(gates.repair_rounds) <= {0, 1}
    assert gates.repair_rounds.max() == 1


LENIENT = '''
from mmgsim.contracts import ACCEPTED
from mmgsim_agents.operators.standard import StandardOperator


class Lenient(StandardOperator):
    """Accepts whatever is planned."""

    reviews = False

    def review(self, view, plans):
        return ACCEPTED
'''


def test_repair_by_an_operator_that_never_reviews_is_refused(plugin):
    lenient = {"operator.kind": f"{plugin('lenient.py', LENIENT)}:Lenient"}
    with pytest.raises(mmgsim.ScenarioError, match="accepts every plan"):
        mmgsim.build("duo", overrides={**lenient, "repair.rounds": 3})
    mmgsim.build("duo", overrides=lenient)


LOOSENING = '''
from dataclasses import replace
from mmgsim.contracts import frozen
from mmgsim_agents.operators.standard import StandardOperator


class Loosening(StandardOperator):
    """Gives more with every review."""

    def review(self, view, plans):
        return {
            name: replace(envelope, import_limit_kw=frozen(2.0 * envelope.import_limit_kw))
            for name, envelope in view.envelopes.items()
        }
'''


def test_a_review_that_tightens_nothing_ends_the_gate(plugin, plain):
    loosening = {"operator.kind": f"{plugin('loosening.py', LOOSENING)}:Loosening"}
    reviewed = run(overrides={**loosening, "repair.rounds": 3})
    assert (reviewed.table("gates").repair_rounds == 0).all()
    assert reviewed.table("prices").equals(plain.table("prices"))


DEAR = '''
from dataclasses import replace
from mmgsim.contracts import frozen
from mmgsim_agents.operators.standard import StandardOperator


class DearOperator(StandardOperator):
    """Publishes twice the network charge of the scenario."""

    def publish(self, view):
        tariff, envelopes = super().publish(view)
        doubled = frozen(2.0 * tariff.network_charge_per_kwh)
        return replace(tariff, network_charge_per_kwh=doubled), envelopes
'''


def test_what_a_dno_publishes_is_what_is_billed(plugin):
    plain = run(coordination="isolated")
    dear = run(
        coordination="isolated",
        overrides={"operator.kind": f"{plugin('dear.py', DEAR)}:DearOperator"},
    )
    charged, usual = (m.table("ledger").query("item == 'network_charge'") for m in (dear, plain))
    assert charged.amount.sum() / charged.kwh.sum() > 1.9 * usual.amount.sum() / usual.kwh.sum()
    prices = dear.table("prices").set_index(["time", "microgrid"]).network_charge
    billed = charged.set_index(["time", "payer"])
    assert (billed.amount / billed.kwh).to_numpy() == pytest.approx(prices[billed.index].to_numpy())


OVERSELLER = '''
from dataclasses import replace
from mmgsim.contracts import Plan, frozen
from mmgsim_agents.strategies import OptimisingStrategy


class Overseller(OptimisingStrategy):
    """Promises a hundred times what it has."""

    def answer(self, view, message):
        reply = super().answer(view, message)
        if isinstance(reply, Plan):
            return replace(reply, exchange_kw=frozen(reply.exchange_kw + 1e4))
        return reply
'''

NEGATIVE = '''
from dataclasses import replace
from mmgsim.contracts import frozen
from mmgsim_agents.operators.standard import StandardOperator


class Negative(StandardOperator):
    """Forgets that limits are magnitudes."""

    def publish(self, view):
        tariff, envelopes = super().publish(view)
        return tariff, {
            name: replace(envelope, import_limit_kw=frozen(-1.0 * envelope.import_limit_kw))
            for name, envelope in envelopes.items()
        }
'''

STRANGER = '''
from mmgsim.contracts import LedgerLine
from mmgsim_agents.markets.standard import StandardMarket


class Stranger(StandardMarket):
    """Books to somebody nobody knows, and not even a number."""

    def settle(self, view, executed):
        line = LedgerLine("MGX", "grid", "fee", 1.0, float("nan"))
        return [*super().settle(view, executed), line]
'''


@pytest.mark.parametrize(
    ("code", "key", "name", "fault"),
    [
        (OVERSELLER, "microgrids.MG1.strategy.kind", "Overseller", "leaves the envelope"),
        (NEGATIVE, "operator.kind", "Negative", "import_limit_kw of MG1 is negative"),
        (STRANGER, "market.kind", "Stranger", "MGX, who are no party"),
    ],
)
def test_a_class_that_breaks_its_contract_ends_the_run_by_name(plugin, code, key, name, fault):
    with pytest.raises(mmgsim.MmgsimError, match=fault):
        run(
            overrides={
                key: f"{plugin(f'{name.lower()}.py', code)}:{name}",
                "faults.on_fault": "stop",
            }
        )


def test_what_a_review_tightened_binds_until_the_next_gate(plugin):
    reviewed = run(
        overrides={
            "operator.kind": f"{plugin('reviewer.py', REVIEWER)}:NoonReviewer",
            "repair.rounds": 1,
            "gate.every": "6h",
        }
    )
    prices = reviewed.table("prices").set_index("time").export_limit_kw
    repaired = reviewed.table("gates").set_index("time").repair_rounds
    for opened, rounds in repaired.items():
        until = opened + np.timedelta64(5, "h")
        assert (prices[opened:until] <= 5.0).all() == bool(rounds)
    assert repaired.max() == 1


DISHONEST = '''
import pyomo.environ as pyo
from mmgsim.subproblems import OfferProblem, PrivateModel, declare_microgrid
from mmgsim_agents.strategies import OptimisingStrategy


class Dishonest(OptimisingStrategy):
    """Offers at a cost that its plans do not have."""

    def offers(self, view):
        if self._offers is None:
            model = PrivateModel(declare=self.declare)
            self._offers = OfferProblem(view.name, view.devices, view.window, model=model)
        return self._offers

    def declare(self, block, devices, horizon):
        declare_microgrid(block, devices, horizon)
        block.peak_kw = pyo.Var(bounds=(0.0, None))
        block.peak = pyo.Constraint(
            block.time, rule=lambda b, t: b.exchange_kw[t] >= -b.peak_kw
        )
        block.private_cost.expr += block.peak_kw
'''


def test_a_bound_above_the_cost_of_the_plans_is_flagged(plugin, tmp_path):
    mine = f"{plugin('dishonest.py', DISHONEST)}:Dishonest"
    results = mmgsim.run(
        "duo",
        overrides={"microgrids.MG1.strategy": mine, "days": 1},
        coordination="prices",
        out=tmp_path / "run",
    )
    broken = results.gates.gap < -1e-6
    assert broken.any()
    assert results.summary["gates_bound_broken"] == broken.sum()
    assert (results.steps["flags"].str.contains("bound_broken") == broken).all()
    assert "flag bound_broken" in (results.folder / "report.html").read_text()
