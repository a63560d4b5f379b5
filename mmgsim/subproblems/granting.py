"""What a DNO grants of microgrids' requests: its problem of paper 003 on an AC-exact network.

    ``min own units + upstream energy - trade + shedding + penalty * what is not granted``

subject to the feeder, ``0 <= granted <= requested`` (paper 003, eq. 13-22; the trade terms of (22)
with the sign that makes them cancel against the microgrids' own). The paper does not say what keeps
a DNO from refusing whatever trade costs it money; the penalty does, so that refusal is for
security. The feasible sets are nested: with the same requests, fewer limits or a free split of them
never cost more.

One controller of all may use tie lines between microgrids as suits the network. They stand in the
problem with their limits and losses, so that what is granted at a connection point can be used
there: all that is served passes lines and connection points as planned. What is lost in lines
counts as not served (`mmgsim.subproblems.joined_points`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmgsim.contracts import (
    Device,
    DeviceSchedule,
    DnoCost,
    FloatArray,
    GrantQuery,
    Grants,
    Member,
    OperatorView,
    Request,
    Security,
    TieLine,
    frozen,
)
from mmgsim.errors import ContractError
from mmgsim.network import FeederTree
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.network_offers import (
    BlockOffer,
    NetworkPlan,
    NetworkWindow,
    OfferPoint,
    OwnSite,
)
from mmgsim.subproblems.network_problem import NetworkProblem
from mmgsim.subproblems.to_ac import AcTolerance

__all__ = ["REFUSAL_PER_KWH", "Granting"]

REFUSAL_PER_KWH = 0.2
"""Default penalty on what is not granted: 200 per MWh, as chosen for paper 003."""

NEVER_SHED_PER_KWH = 10.0
"""Price of background demand in the plan where none may be shed: far above any penalty."""

_FULL = 0.999
"""Share of a rating from which a branch counts as binding; a plan uses all but 1e-3 of it."""


@dataclass(frozen=True, slots=True)
class _Key:
    """What a problem is built for."""

    security: Security
    ties: tuple[TieLine, ...]
    steps: int
    step_h: float
    members: tuple[Member, ...]
    own: tuple[tuple[str, int, tuple[Device, ...]], ...]


class Granting:
    """Answers requests; problems are built once and kept hot from window to window.

    Parameters
    ----------
    refusal_per_kwh : float
        Penalty on a kWh that is requested and not granted. [currency/kWh]
    """

    def __init__(self, refusal_per_kwh: float = REFUSAL_PER_KWH) -> None:
        self.refusal_per_kwh = refusal_per_kwh
        self._tree: FeederTree | None = None
        self._problems: dict[_Key, tuple[NetworkProblem, int]] = {}

    def reset(self) -> None:
        """Drop all problems, and what they learnt about the feeder."""
        self._tree = None
        self._problems.clear()

    def grant(self, view: OperatorView, query: GrantQuery) -> Grants:
        """Give what of the requests the network carries, and what that costs the DNO.

        Without a network everything is granted; with ties, at any connection.

        Raises
        ------
        ContractError
            If there is a network that is no tree.
        SubproblemError
            If nothing keeps the limits of the network, not even refusing and shedding everything.
        """
        if not view.background and view.tree is None:
            return _all_granted(view, query)
        if not isinstance(view.tree, FeederTree):
            what = "cannot grant on a feeder that is no tree"
            raise ContractError("the DNO", [what])
        problem = self._problem(view, view.tree, query)
        plan = problem.solve(self._window(view, query))
        return self._read(view, query, view.tree, plan)

    # --------------------------------------------------------------------------------- asking
    def _problem(self, view: OperatorView, tree: FeederTree, query: GrantQuery) -> NetworkProblem:
        """Give the problem that fits a question, its cuts moved to where the window is now."""
        if tree is not self._tree:
            self.reset()
            self._tree = tree
        own = tuple((one.site, one.bus, one.declared.devices) for one in view.own)
        window, members = view.window, view.members
        key = _Key(query.security, query.ties, window.steps, window.step_h, members, own)
        if key not in self._problems:
            problem = NetworkProblem(
                _limited(tree, query.security),
                Horizon(window.steps, window.step_h),
                [_offer_point(member) for member in members],
                [OwnSite(site, bus, devices) for site, bus, devices in own],
                ties=query.ties,
            )
        else:
            problem, first_step = self._problems[key]
            problem.move_ahead(window.first_step - first_step)
        self._problems[key] = (problem, window.first_step)
        return problem

    def _window(self, view: OperatorView, query: GrantQuery) -> NetworkWindow:
        assert view.demand_kw is not None
        assert view.demand_kvar is not None
        shed_price = view.shed_price_per_kwh
        return NetworkWindow(
            step=view.window.first_step,
            demand_kw=view.demand_kw,
            demand_kvar=view.demand_kvar,
            buy_per_kwh=view.tariff.upstream_per_kwh,
            sell_per_kwh=view.tariff.upstream_per_kwh,
            offers={member.name: self._offer(view, query, member) for member in view.members},
            own={one.site: one.declared for one in view.own},
            shed_price_per_kwh=NEVER_SHED_PER_KWH if shed_price is None else shed_price,
            rating_share=view.rating_share,
            connections_kw={m.name: _limits_kw(view, m) for m in view.members},
            tie_loss_per_kwh=self.refusal_per_kwh,
        )

    def _offer(self, view: OperatorView, query: GrantQuery, member: Member) -> BlockOffer:
        """Give a request as an offer: serving lack earns its price, refusing costs the penalty."""
        tariff, zero, own = view.tariff, np.zeros(view.window.steps), query.requests[member.name]
        # With ties what others request may pass this connection too.
        passing = query.requests if query.ties else {member.name: own}
        most_kvar = abs(_kvar_per_kw(member)) * _all_kw(passing)
        return BlockOffer(
            export_kw=own.surplus_kw[None],
            export_per_kwh=(tariff.export_per_kwh - self.refusal_per_kwh)[None],
            import_kw=own.lack_kw[None],
            import_per_kwh=(tariff.buy_per_kwh + self.refusal_per_kwh)[None],
            must_take_kw=zero,
            q_min_kvar=-most_kvar,
            q_max_kvar=most_kvar,
        )

    # -------------------------------------------------------------------------------- reading
    def _read(
        self, view: OperatorView, query: GrantQuery, tree: FeederTree, plan: NetworkPlan
    ) -> Grants:
        served = {
            member.name: Request(
                lack_kw=frozen(np.maximum(plan.accepted_import_kw[member.name][0], 0.0)),
                surplus_kw=frozen(np.maximum(plan.accepted_export_kw[member.name][0], 0.0)),
            )
            for member in view.members
        }
        grants = _passing(plan) if query.ties else served
        refused_kw = _all_kw(query.requests) - _all_kw(served) + plan.tie_loss_kw
        sides_kw = _together(grants, "lack_kw"), _together(grants, "surplus_kw")
        # NaN where there is no power flow: not full.
        is_full = (plan.loading[:, tree.ends.element] > _FULL).any(axis=0)
        full = np.unique(tree.ends.branch[is_full])
        ends = zip(tree.parent[full], tree.child[full], strict=True)
        return Grants(
            grants=grants,
            refused_kw=frozen(refused_kw),
            cost=self._cost(
                view,
                plan,
                served=served,
                traded=_rest(*sides_kw) if query.pooled else sides_kw,
                refused_kw=refused_kw,
            ),
            status=tuple(str(status) for status in plan.status),
            binding=tuple(f"{tree.buses[a]}-{tree.buses[b]}" for a, b in ends)
            if query.security is Security.LIMITS
            else (),
            marginal_per_kwh={
                member.name: frozen(plan.prices.price[tree.places[_bus(member)]])
                for member in view.members
            },
            background_shed_kw=plan.shed_kw,
            schedule=_schedules(plan),
        )

    def _cost(
        self,
        view: OperatorView,
        plan: NetworkPlan,
        *,
        served: Mapping[str, Request],
        traded: tuple[FloatArray, FloatArray],
        refused_kw: FloatArray,
    ) -> DnoCost:
        """Divide what the plan costs into its parts; operations are what is left of it.

        The plan trades all that is served at the tariff. Where requests are pooled only their rest
        is traded: planned like that, a DNO would gain from refusing what microgrids sell each
        other.
        """
        step_h, price = view.window.step_h, view.shed_price_per_kwh
        upstream = step_h * float(view.tariff.upstream_per_kwh @ plan.slack_kw)
        shed = step_h * float(plan.shed_kw.sum()) * (NEVER_SHED_PER_KWH if price is None else price)
        planned = _trade(view, _together(served, "lack_kw"), _together(served, "surplus_kw"))
        not_refused_kw = _all_kw(served) - plan.tie_loss_kw
        offers = -planned - self.refusal_per_kwh * step_h * float(not_refused_kw.sum())
        return DnoCost(
            operations=plan.cost - upstream - shed - offers,
            upstream=upstream,
            trade=_trade(view, *traded),
            shed=shed,
            penalty=self.refusal_per_kwh * step_h * float(refused_kw.sum()),
        )


def _limited(tree: FeederTree, security: Security) -> FeederTree:
    """Give the feeder with the limits that count, inside by what a plan may break them by."""
    if security is Security.NONE:
        return tree.without_limits()
    tolerance = AcTolerance()
    return tree.with_margin(current_share=tolerance.current_share, voltage_pu=tolerance.voltage_pu)


def _trade(view: OperatorView, lack_kw: FloatArray, surplus_kw: FloatArray) -> float:
    """Give what the DNO is paid for lack less what it pays for surplus. [currency]"""
    paid_per_h = view.tariff.buy_per_kwh @ lack_kw - view.tariff.export_per_kwh @ surplus_kw
    return view.window.step_h * float(paid_per_h)


def _rest(lack_kw: FloatArray, surplus_kw: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give what all together lack, and have left over. [kW]"""
    return np.maximum(lack_kw - surplus_kw, 0.0), np.maximum(surplus_kw - lack_kw, 0.0)


def _together(requests: Mapping[str, Request], side: str) -> FloatArray:
    return np.asarray(sum(getattr(request, side) for request in requests.values()))


def _all_granted(view: OperatorView, query: GrantQuery) -> Grants:
    """Grant everything, and with ties at any connection that bears it."""
    if not query.ties:
        return Grants(grants=dict(query.requests))
    lack_kw, surplus_kw = (_together(query.requests, side) for side in ("lack_kw", "surplus_kw"))
    limits_kw = {member.name: _limits_kw(view, member) for member in view.members}
    return Grants(
        grants={
            name: Request(
                lack_kw=frozen(np.minimum(lack_kw, low)),
                surplus_kw=frozen(np.minimum(surplus_kw, high)),
            )
            for name, (low, high) in limits_kw.items()
        },
        refused_kw=frozen(np.zeros(view.window.steps)),
    )


def _all_kw(requests: Mapping[str, Request]) -> FloatArray:
    return _together(requests, "lack_kw") + _together(requests, "surplus_kw")


def _passing(plan: NetworkPlan) -> dict[str, Request]:
    """Give what passes each connection point, one way at a time. [kW]"""
    return {
        name: Request(lack_kw=frozen(np.maximum(-kw, 0.0)), surplus_kw=frozen(np.maximum(kw, 0.0)))
        for name, kw in plan.exchange_kw.items()
    }


def _limits_kw(view: OperatorView, member: Member) -> tuple[FloatArray, FloatArray]:
    """Give the most that may enter and leave at a connection point now. [kW]"""
    binding = view.envelopes.get(member.name)
    if binding is not None:
        return binding.import_limit_kw, binding.export_limit_kw
    ones = np.ones(view.window.steps)
    return member.import_limit_kw * ones, member.export_limit_kw * ones


def _schedules(plan: NetworkPlan) -> dict[str, DeviceSchedule]:
    return {name: entry for of_site in plan.own.values() for name, entry in of_site.items()}


def _kvar_per_kw(member: Member) -> float:
    return float(np.tan(np.arccos(member.power_factor)))


def _bus(member: Member) -> int:
    if member.bus is None:
        raise ContractError("the DNO", [f"knows no bus of {member.name}"])
    return member.bus


def _offer_point(member: Member) -> OfferPoint:
    """Give a connection point with one block each way; reactive power follows active power."""
    follows = _kvar_per_kw(member) if member.power_factor < 1.0 else None
    return OfferPoint(member.name, _bus(member), 1, 1, kvar_per_kw=follows)
