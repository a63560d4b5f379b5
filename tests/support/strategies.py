"""Taking a strategy from step to step without an engine: what it keeps comes back to it."""

from dataclasses import replace

from mmgsim.contracts import Award, OrderQuery, Realised
from mmgsim.profiles import stream


def at_gate(view, *, memory=None, news=(), step=0):
    """Give the view of a step in which a gate opens, with what the last one left."""
    return replace(
        view,
        window=replace(view.window, first_step=step),
        memory=memory or {},
        messages=tuple(news),
        asked=frozenset({OrderQuery, Award}),
        rng=stream(7, "strategy", view.name, str(step)),
    )


def price_of(strategy, view):
    """Give the price of its only order."""
    orders = strategy.order(view, OrderQuery(window=view.window, offsets=(0,))).orders
    (order,) = orders
    return order.price_per_kwh


def memory_after(strategy, view, *, opened=True):
    """Give what it keeps of a step, in which a gate opened or not."""
    if opened:
        view = replace(view, plan=strategy.answer(view, Award(window=view.window)))
    realised = Realised(0, {name: float(kw[0]) for name, kw in view.forecast_kw.items()})
    return strategy.dispatch(view, realised).memory
