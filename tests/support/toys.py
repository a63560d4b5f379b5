"""The smallest mechanisms that show what the messages of each coordination family carry."""

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    Grant,
    GrantQuery,
    Grants,
    Offer,
    OrderQuery,
    Orders,
    PriceQuery,
    Request,
    RequestQuery,
    Round,
    Side,
    frozen,
)
from mmgsim.coordination.pool import match_pool, plan_costs, pool_trades
from mmgsim.coordination.replies import plans_by_name, replies_by_name


class Toy:
    """What the toys share: start, and a clearing from plans and trades."""

    def start(self, view, memory):
        self.view, self.memory, self.phase = view, memory, 0
        self.names = [member.name for member in view.members]
        self.trade_kw = {member.name: np.zeros(view.window.steps) for member in view.members}
        self.lower = None

    def clear(self, plans, price):
        upper, gross = plan_costs(self.view, plans, self.trade_kw)
        return Clearing(
            window=self.view.window,
            plans=plans,
            trades=pool_trades(self.trade_kw, price),
            prices_per_kwh=dict.fromkeys(plans, frozen(price)),
            upper=upper,
            lower=self.lower,
            gross_cost=gross,
            rounds=(Round(upper, self.lower, 0.0),),
            residual_kw=float(np.abs(sum(self.trade_kw.values())).max()),
            memory={"price": price},
        )

    def awards(self, price, exchange_kw):
        trades = pool_trades(self.trade_kw, price)
        return [
            Award(
                to=name,
                window=self.view.window,
                trades=tuple(t for t in trades if name in (t.seller, t.buyer)),
                exchange_kw=exchange_kw.get(name),
            )
            for name in self.names
        ]


class PriceToy(Toy):
    """Dual ascent on one price vector, then exchanges fixed; the bound from the offers alone."""

    asks = frozenset({PriceQuery, Award})
    rounds = 8

    def start(self, view, memory):
        super().start(view, memory)
        tariff = view.tariff
        self.floor, self.ceiling = tariff.export_per_kwh, tariff.buy_per_kwh
        self.price = (self.floor + self.ceiling) / 2
        self.exchange_kw = {}

    def ask(self):
        if self.phase < self.rounds:
            query = frozen(self.price[None, :])
            return [
                PriceQuery(to=name, window=self.view.window, prices_per_kwh=query)
                for name in self.names
            ]
        return self.awards(self.price, self.exchange_kw)

    def tell(self, replies):
        if self.phase < self.rounds:
            offers = replies_by_name(replies, Offer)
            net_kw = sum(offer.exchange_kw[0].sum(0) for offer in offers.values())
            # Between selling and buying prices the grid's own part of the Lagrangian is zero.
            bound = sum(float(offer.lower_bound[0].sum()) for offer in offers.values())
            self.lower = max(bound, self.lower if self.lower is not None else -np.inf)
            self.exchange_kw = {n: frozen(o.exchange_kw[0].sum(0)) for n, o in offers.items()}
            step = 0.02 / (1 + self.phase)
            self.price = np.clip(self.price - step * np.sign(net_kw), self.floor, self.ceiling)
            self.phase += 1
            if self.phase == self.rounds:
                self.trade_kw = match_pool(self.exchange_kw, self.view.tariff)
            return None
        return self.clear(plans_by_name(replies), self.price)


class AuctionToy(Toy):
    """Pay-as-clear, hour by hour, at the middle of the crossing."""

    asks = frozenset({OrderQuery, Award})

    def ask(self):
        steps = self.view.window.steps
        if self.phase == 0:
            offsets = tuple(range(steps))
            return [OrderQuery(to=n, window=self.view.window, offsets=offsets) for n in self.names]
        return self.awards(self.price, {})

    def tell(self, replies):
        if self.phase == 0:
            self.phase = 1
            orders = {n: reply.orders for n, reply in replies_by_name(replies, Orders).items()}
            self.price = np.zeros(self.view.window.steps)
            for offset in range(self.view.window.steps):
                self._cross(offset, orders)
            return None
        return self.clear(plans_by_name(replies), self.price)

    def _cross(self, offset, orders):
        sells, buys = (self._book(offset, orders, side) for side in (Side.SELL, Side.BUY))
        while sells and buys and sells[0][0] <= buys[0][0]:
            (ask, seller, offered), (bid, buyer, wanted) = sells.pop(0), buys.pop(0)
            kw = min(offered, wanted)
            self.trade_kw[seller][offset] += kw
            self.trade_kw[buyer][offset] -= kw
            self.price[offset] = (ask + bid) / 2
            sells[:0] = [(ask, seller, offered - kw)] if offered > kw else []
            buys[:0] = [(bid, buyer, wanted - kw)] if wanted > kw else []

    def _book(self, offset, orders, side):
        sign = 1.0 if side is Side.SELL else -1.0
        own = [(name, o) for name, all_ in orders.items() for o in all_]
        book = [(o.price_per_kwh, n, o.kw) for n, o in own if o.offset == offset and o.side is side]
        return sorted(book, key=lambda order: (sign * order[0], order[1]))


class HierarchicalToy(Toy):
    """Request, grant under the DNO's limits, plan within the grant."""

    asks = frozenset({RequestQuery, Grant})

    def ask(self):
        window = self.view.window
        if self.phase == 0:
            return [RequestQuery(to=name, window=window) for name in self.names]
        if self.phase == 1:
            return [GrantQuery(to="dno", window=window, requests=self.requests)]
        return [
            Grant(to=n, window=window, lack_kw=g.lack_kw, surplus_kw=g.surplus_kw)
            for n, g in self.grants.items()
        ]

    def tell(self, replies):
        self.phase += 1
        if self.phase == 1:
            self.requests = replies_by_name(replies, Request)
            return None
        if self.phase == 2:
            self.grants = replies_by_name(replies, Grants)["dno"].grants
            return None
        return self.clear(plans_by_name(replies), np.zeros(self.view.window.steps))
