"""Small random markets for a leader and its followers, without bus and Mesa.

Prices differ from hour to hour and from side to side, so that responses are unique but for the
rounding of solvers.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from mmgsim.contracts import Award, Disclose, MarketView, Member, Objective, Plan
from mmgsim.coordination.pair_trades import net_trade_kw, sold_in_proportion
from mmgsim.coordination.pool import plan_costs
from mmgsim.subproblems import Follower, LeaderProblem, LeaderTerms, disclosure_of, public_prices
from mmgsim.testing import sample_view
from mmgsim_agents.strategies import CostMinimiser

LCOE_PER_KWH = 0.06
PATIENCE_S = 3600.0
"""What no machine needs for such a problem, however busy: no test ends by the clock."""


@dataclass(frozen=True)
class Small:
    """A market view, what each microgrid knows, and how it decides."""

    view: MarketView
    members: dict
    strategies: dict = field(default_factory=dict)

    @property
    def names(self):
        return list(self.members)


def small_market(seed, *, members=2, steps=3, objective=Objective.MEMBERS, scale=1.0):
    """Give a market without diesel; `scale` multiplies prices, but those of wear and shedding."""
    tariff = sample_view(2 * seed + 1, steps=steps).tariff
    per_kwh = [name for name in tariff.__slots__ if name.endswith("_per_kwh")]
    tariff = replace(tariff, **{name: scale * getattr(tariff, name) for name in per_kwh})
    views = {}
    for k in range(members):
        name = f"M{k}"
        view = sample_view(1 + 2 * (50 * seed + k), steps=steps)
        envelope = replace(view.envelope, microgrid=name)
        views[name] = replace(view, name=name, tariff=tariff, envelope=envelope)
    market = MarketView(
        window=tariff.window,
        members=tuple(Member(name, 1e3, 1e3, lcoe_per_kwh=LCOE_PER_KWH) for name in views),
        tariff=tariff,
        envelopes={name: view.envelope for name, view in views.items()},
        objective=objective,
    )
    return Small(market, views)


def clear(small, mechanism):
    """Run one gate with strategies that tell the truth."""
    mechanism.start(small.view, {})
    clearing = None
    while clearing is None:
        replies = []
        for question in mechanism.ask():
            assert isinstance(question, Award | Disclose)
            strategy = small.strategies.setdefault(question.to, CostMinimiser())
            reply = strategy.answer(small.members[question.to], question)
            reply = reply.public() if isinstance(reply, Plan) else reply
            replies.append(replace(reply, sender=question.to))
        clearing = mechanism.tell(replies)
    return clearing


def followers_of(small):
    """Give everybody as a follower, begun with the window."""
    followers = []
    for name, view in small.members.items():
        declared = disclosure_of(view)
        followers.append(Follower(name, declared))
        followers[-1].start(declared, view.tariff, view.envelope)
    return followers


def leader_of(small, followers, **terms):
    """Give the leader's problem; trades at one levelised cost."""
    view = small.view
    price = np.full((len(small.members), view.window.steps), LCOE_PER_KWH)
    return LeaderProblem(
        followers,
        LeaderTerms(
            window=view.window,
            tariff=view.tariff,
            prices=public_prices(view.tariff, view.objective),
            price_per_kwh=price,
            **terms,
        ),
    )


def leader_cost(small, followers, trade_kw):
    """Give the leader's cost of what everybody does with these net trades, and its scale."""
    plans = {
        follower.name: follower.respond(kw)
        for follower, kw in zip(followers, trade_kw, strict=True)
    }
    return plan_costs(small.view, plans, dict(zip(small.names, trade_kw, strict=True)))


def in_pairs(trade_kw):
    """Give a (sellers, buyers, steps) array of net trades that add up to zero."""
    traded_kw = sold_in_proportion(trade_kw)
    assert np.allclose(net_trade_kw(traded_kw), trade_kw)
    return traded_kw
