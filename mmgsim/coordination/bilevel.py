"""A leader decides who sells what to whom; every microgrid then does what is best for itself.

The DNO of paper 000 as the leader of a bi-level problem. Trades are bilateral and firm, at the
levelised cost of whoever sells; import and export stay the microgrids' own. Three ways to find
them:

- ``best-response`` goes from trades to plans and from plans to trades. It claims no optimum.
- ``kkt`` solves the bi-level problem: microgrids as LPs that the leader knows, replaced by the
  conditions of their optimality. Who has units on or off is no LP.
- ``paper`` is the iteration of the paper as printed, which bounds nothing and trades nothing.

Lower bounds are those of a leader who controls everything, which is the problem of `central`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, get_args

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    Disclose,
    Disclosure,
    FloatArray,
    MarketView,
    Message,
    Plan,
    Round,
    Trade,
)
from mmgsim.coordination.best_response import BestResponse, Rules
from mmgsim.coordination.leading import Leading
from mmgsim.coordination.network_talk import (
    NetworkSource,
    NetworkTalk,
    checked_source,
    questions_of,
)
from mmgsim.coordination.pair_trades import (
    TradePrice,
    bilateral_awards,
    bilateral_clearing,
    bilateral_trades,
    seller_prices,
)
from mmgsim.coordination.printed import printed_steps
from mmgsim.coordination.replies import plans_by_name, replies_by_name
from mmgsim.scenario import Scenario
from mmgsim.subproblems import CompiledHighs, Follower, JointProblem, public_prices

__all__ = ["Bilevel", "Variant"]

log = logging.getLogger(__name__)

Variant = Literal["best-response", "kkt", "paper"]

# Of the joint problem that gives the lower bound.
MIP_GAP = 1e-6


class Bilevel:
    """Has every microgrid disclose its devices, looks for trades, and awards them.

    With the objective `members` ``kkt`` takes what `central` takes: what is best for all is then
    best for each of them as well, and no conditions of optimality are needed. With `system` it
    takes about a second for three microgrids over eight steps, seven for two over a day, and at
    times far more: sizes and seconds stand in `tests/benchmarks/README.md`.

    Parameters
    ----------
    variant : str
        How trades are found: ``best-response``, ``kkt`` or ``paper``.
    trade_price : str
        ``lcoe``: the levelised cost of whoever sells; ``lcoe-or-export``: no less than the export
        price.
    individually_rational : bool
        True to award only trades with which no microgrid's bill is above the one without trade.
    damping : float
        What ``best-response`` multiplies its steps by whenever it goes in circles.
    max_rounds : int
        Of ``best-response``, and of ``paper``.
    tolerance : float
        Change of a trade at which ``best-response`` rests; difference of its two numbers at which
        ``paper`` stops. [kW], [currency]
    time_limit_s : float
        Of the problems with binaries, each: the leader's own, and the one behind the lower bound.
        What a machine finds within a time differs from run to run.
    network : str
        ``envelopes``: the limits that the DNO has published are all that is known of the network;
        ``rows``, for ``kkt``: the DNO is asked about the responses that are expected, and the
        leader keeps the limits that they break, as far as trades can move them. Losses are left
        out.
    """

    asks: frozenset[type[Message]] = frozenset({Disclose, Award})

    def __init__(  # noqa: PLR0913  one parameter per option
        self,
        *,
        variant: Variant = "best-response",
        trade_price: TradePrice = "lcoe-or-export",
        individually_rational: bool = False,
        damping: float = 0.5,
        max_rounds: int = 30,
        tolerance: float = 1e-3,
        time_limit_s: float = 20.0,
        network: NetworkSource = "envelopes",
    ) -> None:
        for name, given, choices in (
            ("variant", variant, get_args(Variant)),
            ("trade_price", trade_price, get_args(TradePrice)),
        ):
            if given not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}, not {given!r}")
        if not 0.0 < damping < 1.0:
            raise ValueError(f"damping is a share between 0 and 1, not {damping:g}")
        if max_rounds < 1:
            raise ValueError(f"max_rounds is at least 1, not {max_rounds}")
        for name, number in (("tolerance", tolerance), ("time_limit_s", time_limit_s)):
            if not number > 0.0:
                raise ValueError(f"{name} is above 0, not {number:g}")
        self.network = checked_source(network)
        self.asks_dno = questions_of(self.network)
        if network == "rows" and variant != "kkt":
            raise ValueError(f"network: rows is for the variant kkt, not {variant}")
        self.variant, self.trade_price = variant, trade_price
        self._rules = Rules(tolerance, max_rounds, damping, individually_rational)
        self._time_limit_s = time_limit_s
        self._make_solver = partial(CompiledHighs, mip_gap=MIP_GAP, time_limit_s=time_limit_s)
        self._joint: JointProblem | None = None
        self._followers: dict[str, Follower] = {}

    def scenario_faults(self, scenario: Scenario) -> Iterator[tuple[str, str, str]]:
        """Give option, fault and cure of what a scenario has that a variant cannot do."""
        units = [
            f"{microgrid.name}.{device.name}"
            for microgrid in scenario.microgrids
            for device in microgrid.devices
            if device.kind == "diesel"
        ]
        if self.variant == "kkt" and units:
            what = f"'kkt' takes microgrids that are LPs; diesel units are on or off: {units[0]}"
            more = f" and {len(units) - 1} more" if len(units) > 1 else ""
            yield "variant", what + more, "use 'best-response'"

    def reset(self) -> None:
        """Make all problems as new, without building them again."""
        if self._joint is not None:
            self._joint.reset()
        for follower in self._followers.values():
            follower.reset()

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate."""
        del memory
        self._view = view
        self._names = [member.name for member in view.members]
        self._price = seller_prices(view, self.trade_price)
        self._network = NetworkTalk(view, {}, source=self.network, counts_losses=False)
        self._is_disclosed = False
        self._search: BestResponse | None = None
        self._leading: Leading | None = None
        self._trades: tuple[Trade, ...] = ()
        self._rounds: list[Round] = []
        self._lower: float | None = None
        self._flags: set[str] = set()

    def ask(self) -> list[Message]:
        """Ask for disclosure; then award trades, once or until they rest."""
        view = self._view
        if not self._is_disclosed:
            return [Disclose(to=name, window=view.window) for name in self._names]
        if self._leading is not None and not self._network.is_over:
            return [self._network.query(self._leading.expected_kw)]
        chosen_kw = None if self._leading is None else self._leading.chosen_kw
        return bilateral_awards(view, self._trades, chosen_kw)

    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Look for trades once everything is disclosed; clear once everything is planned."""
        if not self._is_disclosed:
            self._is_disclosed = True
            self._begin(replies_by_name(replies, Disclosure))
            return None
        if self._leading is not None and not self._network.is_over:
            if self._network.takes(replies, self._leading.expected_kw):
                self._leading = self._led()
            return None
        plans = plans_by_name(replies)
        if self._search is not None:
            is_over = self._search.take(plans)
            self._award(self._search.traded_kw)
            if not is_over:
                self._rounds.append(Round(self._search.cost, self._lower, 0.0))
                return None
            if not self._search.is_resting:
                self._flags.add("no_rest")
        memory = {} if self._leading is None else self._audited(self._leading, plans)
        return bilateral_clearing(
            self._view,
            plans,
            self._trades,
            lower=self._lower,
            rounds=self._rounds,
            memory=memory,
            flags=tuple(sorted({*self._flags, *self._network.flags})),
        )

    # ------------------------------------------------------------------------------ looking
    def _begin(self, declared: Mapping[str, Disclosure]) -> None:
        if self.variant == "paper":
            self._follow_the_paper(declared)
            return
        self._lower = self._lower_bound(declared)
        self._rounds.append(Round(None, self._lower, 0.0))
        if self.variant == "kkt":
            self._lead(declared)
        if self._leading is None:
            self._search = BestResponse(self._view, self._price, self._rules)
            self._award(self._search.traded_kw)

    def _award(self, traded_kw: FloatArray) -> None:
        self._trades = bilateral_trades(self._names, traded_kw, self._price[:, None])

    def _follow_the_paper(self, declared: Mapping[str, Disclosure]) -> None:
        rules = self._rules
        steps = printed_steps(
            self._view,
            declared,
            self._price,
            tolerance=rules.tolerance,
            max_rounds=rules.max_rounds,
        )
        self._rounds += [Round(upper, lower, 0.0) for upper, lower in steps.bounds]
        self._flags.add("not_bounding")
        self._award(steps.traded_kw)

    def _lower_bound(self, declared: Mapping[str, Disclosure]) -> float:
        """Give what it costs where the leader controls everything."""
        view = self._view
        members = {name: disclosure.devices for name, disclosure in declared.items()}
        if self._joint is None or not self._joint.fits(members, view.window):
            self._joint = JointProblem(members, view.window, make_solver=self._make_solver)
        prices = public_prices(view.tariff, view.objective)
        return self._joint.solve(
            declared, view.envelopes, prices, view.window.first_step
        ).lower_bound

    def _lead(self, declared: Mapping[str, Disclosure]) -> None:
        """Solve the bi-level problem, where every microgrid is an LP."""
        for name, disclosure in declared.items():
            known = self._followers.get(name)
            if known is None or not known.fits(disclosure):
                self._followers[name] = Follower(name, disclosure)
        followers = [self._followers[name] for name in self._names]
        for follower in followers:
            disclosure, envelope = declared[follower.name], self._view.envelopes[follower.name]
            follower.start(disclosure, self._view.tariff, envelope)
        if all(follower.is_linear for follower in followers):
            self._leading = self._led()
        else:
            self._flags.add("leader_left")

    def _led(self) -> Leading:
        """Solve the bi-level problem within what is known of the network."""
        leading = Leading(
            self._view,
            [self._followers[name] for name in self._names],
            self._price,
            is_rational=self._rules.is_rational,
            time_limit_s=self._time_limit_s,
            limits=self._network.limits,
        )
        leading.solve()
        self._flags |= leading.flags
        self._award(leading.traded_kw)
        return leading

    def _audited(self, leading: Leading, plans: Mapping[str, Plan]) -> dict[str, Any]:
        """Tell how far the replies are from the responses that were expected."""
        apart_kw = max(
            float(np.abs(plans[name].exchange_kw - kw).max())
            for name, kw in leading.expected_kw.items()
        )
        log.info("replies are up to %g kW from the responses expected", apart_kw)
        if leading.is_dearer(plans):
            self._flags.add("reply_differs")
        return {"reply_apart_kw": apart_kw}
