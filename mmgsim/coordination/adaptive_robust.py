"""Two-stage adaptive robust trading, after paper 002.

A day ahead the coordinator is told everything, and decides who may trade which way and who uses the
grid which way, so that the cost is least in the worst course of sun, wind and demand within a
budget. Powers follow, at this gate and at all later ones of the day, from what is then known; what
was decided stays. Later gates re-plan at the forecast: nobody acts on what is not known yet.

The paper's own equations are not public. This is the formulation of our specification, in which a
service charge is a fixed one of hours in which a link is used. Such charges weigh decisions; they
are nobody's income, and no bill has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, get_args

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    Disclose,
    Disclosure,
    FloatArray,
    Load,
    MarketView,
    Message,
    Objective,
    Plan,
    Renewable,
    Round,
    Trade,
    frozen,
)
from mmgsim.coordination.central import MIP_GAP
from mmgsim.coordination.commitment import held_decisions, is_committed, remembered
from mmgsim.coordination.guarantee import settled
from mmgsim.coordination.pool import local_price, pool_awards, pool_clearing, pool_trades
from mmgsim.coordination.replies import plans_by_name, replies_by_name
from mmgsim.scenario import Inputs, Scenario
from mmgsim.subproblems import (
    CompiledHighs,
    JointProblem,
    RobustOperation,
    RobustProblem,
    RobustRules,
    ServiceCharge,
    Topology,
    public_cost,
    public_prices,
)

__all__ = ["AdaptiveRobust", "EvMode", "Guarantee"]

Guarantee = Literal["settle", "none"]
EvMode = Literal["recourse", "committed"]

_MAKE_SOLVER = partial(CompiledHighs, mip_gap=MIP_GAP)
# Energy that lacks below this is the rounding of a solver. [kWh]
_TINY_KWH = 1e-5
# Trades below this are the rounding of a solver. [kW]
_TINY_KW = 1e-9


class AdaptiveRobust:
    """Decides directions for the worst, and powers for what is known.

    Bounds of every round are those of the cost at worst, charges included. The last round, and the
    certificate of the gate, are about the plans, as everywhere: their cost at the forecast, and
    what no plan costs less than, which is the bound of `central`.

    Parameters
    ----------
    within : float
        Probability with which microgrids shall state bounds of what is uncertain, each step by
        itself.
    deviation : float or None
        Share of the forecast of sun and wind that may lack, in place of stated bounds.
    budget : float
        How many deviations come whole in a microgrid, counted over all its uncertain devices and
        all steps of the window: a deviation is one device in one step, so that with steps of 15
        minutes a budget of 4 is one hour of one device.
    topology : str
        ``pool``: whether each microgrid may buy from the others, and sell to them, is decided for
        each step; ``links``: which one sells to which.
    link_charge : float
        Service charge of a trade between two microgrids, half of it each through the pool.
        [currency/h] or [currency/kWh]
    grid_charge : float
        Service charge of import and of export. [currency/h] or [currency/kWh]
    service_charge : str
        ``per_hour`` of a link that may be used, or ``per_kwh``.
    ev_mode : str
        ``recourse``: whether storage charges or discharges is left to later; ``committed``: it is
        decided beforehand.
    lost_load_per_kwh : float or None
        Price of energy that lacks when the worst is looked for; the dearest other kWh by default,
        and never less than that. [currency/kWh]
    guarantee : str
        ``settle``: transfers between members, so that no bill is above the one of a robust plan of
        its own and all save the same, where the sum allows that (flag `guarantee_unmet` where it
        does not, `alone_unproven` where a plan of its own ended early and may be too dear);
        ``none``. Nothing is divided under the objective `system`.
    tolerance : float
        Gap of the bounds at worst at which rounds end.
    max_rounds : int
        After which they end all the same.
    time_limit_s : float or None
        After which no round begins, and the most that a MILP in one takes. Without any decision
        by then nobody trades, and the grid is open one way (flag `robust_fallback`); what an
        earlier gate decided is kept. What a machine finds within a time differs from run to run.
    """

    asks: frozenset[type[Message]] = frozenset({Disclose, Award})

    def __init__(  # noqa: PLR0913  one parameter per option
        self,
        *,
        within: float = 0.9,
        deviation: float | None = None,
        budget: float = 4.0,
        topology: Literal["pool", "links"] = "pool",
        link_charge: float = 0.0,
        grid_charge: float = 0.0,
        service_charge: Literal["per_hour", "per_kwh"] = "per_hour",
        ev_mode: EvMode = "recourse",
        lost_load_per_kwh: float | None = None,
        guarantee: Guarantee = "settle",
        tolerance: float = 1e-3,
        max_rounds: int = 50,
        time_limit_s: float | None = None,
    ) -> None:
        faults = [
            *_choice_faults("topology", topology, [one.value for one in Topology]),
            *_choice_faults("service_charge", service_charge, [x.value for x in ServiceCharge]),
            *_choice_faults("ev_mode", ev_mode, get_args(EvMode)),
            *_choice_faults("guarantee", guarantee, get_args(Guarantee)),
            *_number_faults("within", within, low=0.0, high=1.0, is_open=True),
            *_number_faults("deviation", deviation, low=0.0, high=1.0),
            *_number_faults("budget", budget, low=0.0),
            *_number_faults("link_charge", link_charge, low=0.0),
            *_number_faults("grid_charge", grid_charge, low=0.0),
            *_number_faults("lost_load_per_kwh", lost_load_per_kwh, low=0.0, is_open=True),
            *_number_faults("tolerance", tolerance, low=0.0, high=1.0, is_open=True),
            *_number_faults("max_rounds", max_rounds, low=1.0),
            *_number_faults("time_limit_s", time_limit_s, low=0.0, is_open=True),
        ]
        if faults:
            raise ValueError("; ".join(faults))
        self._within, self._deviation, self._budget = within, deviation, float(budget)
        self._lost_load, self._guarantee = lost_load_per_kwh, guarantee
        self._rules = RobustRules(
            0.0,
            topology=Topology(topology),
            link_charge=link_charge,
            grid_charge=grid_charge,
            service_charge=ServiceCharge(service_charge),
            commits_storage=ev_mode == "committed",
        )
        self._limits: dict[str, Any] = {
            "tolerance": tolerance,
            "max_rounds": max_rounds,
            "time_limit_s": np.inf if time_limit_s is None else time_limit_s,
        }
        self._joint: JointProblem | None = None

    def scenario_faults(self, scenario: Scenario) -> Iterator[tuple[str, str, str]]:
        """Give option, fault and cure of whatever does not fit the scenario."""
        if self._lost_load is None:
            return
        dearest = max(
            (
                float(getattr(device, key))
                for microgrid in scenario.microgrids
                for device in microgrid.devices
                for key in ("shed_price_per_kwh", "critical_shed_price_per_kwh")
                if getattr(device, key, None) is not None
            ),
            default=0.0,
        )
        if self._lost_load < dearest:
            what = f"{self._lost_load:g} is below the {dearest:g} that shedding a load costs"
            yield "lost_load_per_kwh", what, "leave it out, or use more"

    def scenario_doubts(self, scenario: Scenario, inputs: Inputs) -> Iterator[tuple[str, str, str]]:
        """Give option, doubt and cure of a worst case that is the forecast."""
        del inputs
        if self._deviation is None and scenario.forecast.kind == "perfect" and self._budget > 0.0:
            what = "nothing is uncertain with forecast: perfect, so that there is no worst case"
            yield "budget", what, "use another forecast, or set deviation, unless meant"

    def reset(self) -> None:
        """Make the joint problem as new, without building it again."""
        if self._joint is not None:
            self._joint.reset()

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate."""
        self._view, self._memory = view, memory
        self._declared: dict[str, Disclosure] = {}
        self._rounds: list[Round] = []
        self._flags: list[str] = []

    # ------------------------------------------------------------------------------ asking
    def ask(self) -> list[Message]:
        """Ask for disclosure, with bounds; then award exchanges and trades."""
        view = self._view
        if not self._declared:
            within = None if self._deviation is not None else self._within
            return [
                Disclose(to=member.name, window=view.window, within=within)
                for member in view.members
            ]
        return pool_awards(view.window, self._operation.exchange_kw, self._trades)

    # --------------------------------------------------------------------------- listening
    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Decide once everything is disclosed; clear once everything is planned."""
        if not self._declared:
            self._declared = {
                name: self._bounded(one)
                for name, one in replies_by_name(replies, Disclosure).items()
            }
            self._decide()
            return None
        plans = plans_by_name(replies)
        transfers = self._transfers(plans)
        clearing = pool_clearing(
            self._view,
            plans,
            self._operation.trade_kw,
            self._price_per_kwh,
            lower=self._lower,
            rounds=tuple(self._rounds),
            memory=self._kept,
            flags=tuple(self._flags),
        )
        return replace(clearing, trades=self._trades, transfers=transfers)

    # ---------------------------------------------------------------------------- deciding
    def _bounded(self, declared: Disclosure) -> Disclosure:
        """Give a disclosure with the bounds that count."""
        if self._deviation is None:
            return declared
        least = {
            device.name: frozen((1.0 - self._deviation) * declared.forecast_kw[device.name])
            for device in declared.devices
            if isinstance(device, Renewable)
        }
        return replace(declared, low_kw=least, high_kw={})

    def _decide(self) -> None:
        """Decide on directions, or keep to those of an earlier gate, and plan at the forecast."""
        view = self._view
        prices = public_prices(view.tariff, view.objective)
        self._lost = max(self._lost_load or 0.0, self._dearest())
        earlier = self._memory.get("joint", {})
        joint, kept = self._planned(self._declared, earlier, trades=True)
        self._operation, self._kept = joint, {"joint": kept}
        self._find_alone()
        members = {name: one.devices for name, one in self._declared.items()}
        if self._joint is None or not self._joint.fits(members, view.window):
            self._joint = JointProblem(members, view.window, make_solver=_MAKE_SOLVER)
        best = self._joint.solve(self._declared, view.envelopes, prices, view.window.first_step)
        self._lower = best.lower_bound
        self._price_per_kwh = local_price(view.local_price, view.tariff, best.price_per_kwh)
        self._trades = self._firm_trades()

    def _planned(
        self, declared: Mapping[str, Disclosure], earlier: Mapping[str, Any], *, trades: bool
    ) -> tuple[RobustOperation, dict[str, Any]]:
        """Plan some members at the forecast, and give what is to be remembered of it."""
        view = self._view
        problem = RobustProblem(
            declared,
            view.envelopes,
            public_prices(view.tariff, view.objective),
            window=view.window,
            rules=replace(self._rules, lost_load_per_kwh=self._lost, trades=trades),
            budget=dict.fromkeys(declared, self._budget),
        )
        if is_committed(earlier, view.window):
            held = held_decisions(problem, earlier, view.window)
            trial = problem.complete(held, time_limit_s=self._limits["time_limit_s"])
            self._flags += _early(["fallback"] * trial.is_fallback, declared, trades=trades)
            return problem.operate(trial.first), dict(earlier)
        optimum = problem.solve(**self._limits)
        self._flags += _early(optimum.flags, declared, trades=trades)
        if trades:
            self._rounds = [Round(one.upper, one.lower, 0.0) for one in optimum.rounds]
            if self._budget > 0.0 and not problem.unknowns.spread.any():
                self._flags.append("nothing_uncertain")
            worst = [problem.operate(optimum.first, one.unknown) for one in optimum.rounds]
            if max(one.unserved_kwh for one in worst) > _TINY_KWH:
                self._flags.append("unserved_at_worst")
        return problem.operate(optimum.first), remembered(problem, optimum.first, view.window)

    def _dearest(self) -> float:
        """Give the dearest kWh of the window: lost load, or the grid's. [currency/kWh]"""
        shed = [
            device.dearest_per_kwh
            for one in self._declared.values()
            for device in one.devices
            if isinstance(device, Load)
        ]
        return max([*shed, float(self._view.tariff.buy_per_kwh.max()), _TINY_KW])

    # ------------------------------------------------------------------------------- money
    def _firm_trades(self) -> tuple[Trade, ...]:
        price = self._price_per_kwh
        if self._rules.topology is Topology.POOL:
            trade_kw = {n: _cleaned(kw) for n, kw in self._operation.trade_kw.items()}
            return pool_trades(trade_kw, price)
        return tuple(
            Trade(seller, buyer, _cleaned(kw), frozen(price))
            for (seller, buyer), kw in self._operation.sent_kw.items()
            if np.any(_cleaned(kw) > 0.0)
        )

    def _find_alone(self) -> None:
        """Plan for each member on its own, as robustly as for all."""
        self._alone: dict[str, float] = {}
        if self._guarantee == "none" or self._view.objective is Objective.SYSTEM:
            return
        earlier = self._memory.get("alone", {})
        kept = {}
        for name, one in self._declared.items():
            operation, kept[name] = self._planned({name: one}, earlier.get(name, {}), trades=False)
            self._alone[name] = operation.member_cost[name]
        self._kept["alone"] = kept

    def _transfers(self, plans: Mapping[str, Plan]) -> Mapping[str, FloatArray]:
        """Give what each pays the market in every step, so that all save the same. [currency]"""
        if not self._alone:
            return {}
        bills = np.array([self._bill(name, plans[name]) for name in self._alone])
        try:
            owed = settled(bills, np.array(list(self._alone.values())))
        except ValueError:
            self._flags.append("guarantee_unmet")
            return {}
        steps = self._view.window.steps
        return {
            name: frozen(np.full(steps, one / steps))
            for name, one in zip(self._alone, owed.tolist(), strict=True)
        }

    def _bill(self, name: str, plan: Plan) -> float:
        """Give what a member pays by its plan, trades included. [currency]"""
        prices, step_h = public_prices(self._view.tariff), self._view.window.step_h
        trade_kw = self._operation.trade_kw[name]
        earned = step_h * float(self._price_per_kwh @ trade_kw)
        return plan.private_cost + public_cost(plan.exchange_kw, trade_kw, prices, step_h) - earned


def _early(flags: Sequence[str], names: Iterable[str], *, trades: bool) -> list[str]:
    """Give the flags of a gate for those of a search: of all together, or of one on its own."""
    if trades:
        return [f"robust_{flag}" for flag in flags]
    return [f"alone_unproven:{name}" for name in names if flags]


def _cleaned(kw: FloatArray) -> FloatArray:
    return frozen(np.where(np.abs(kw) > _TINY_KW, kw, 0.0))


def _choice_faults(name: str, given: Any, choices: Sequence[str]) -> Iterator[str]:
    if given not in choices:
        yield f"{name} is one of {', '.join(choices)}, not {given!r}"


def _number_faults(
    name: str, given: Any, *, low: float, high: float = np.inf, is_open: bool = False
) -> Iterator[str]:
    if given is None:
        return
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    is_inside = is_number and np.isfinite(given) and low <= given <= high
    if not is_inside or (is_open and given in (low, high)):
        least = f"above {low:g}" if is_open else f"from {low:g}"
        most = "" if np.isinf(high) else f" {'to below' if is_open else 'to'} {high:g}"
        yield f"{name} is a number {least}{most}, not {given!r}"
