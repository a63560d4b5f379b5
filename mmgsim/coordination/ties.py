"""What a joint plan sends through tie lines, as flows with a price."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from mmgsim.contracts import FloatArray, TieFlow, TieLine, frozen

__all__ = ["tie_flows", "ties_among"]


def tie_flows(
    ties: Sequence[TieLine],
    sent_kw: Mapping[str, tuple[FloatArray, FloatArray]],
    price_per_kwh: FloatArray | Mapping[str, FloatArray],
) -> tuple[TieFlow, ...]:
    """Give the flows of all lines, one a direction; none where nothing is sent.

    A kWh received costs the local price, where that differs the one at its receiver. What is lost
    on the way is lost by the sender.
    """
    flows = []
    for tie in ties:
        for (sender, receiver), kw in zip(
            (tie.between, tie.between[::-1]), sent_kw[tie.name], strict=True
        ):
            if np.any(kw > 0.0):
                paid = price_per_kwh
                price = paid[receiver] if isinstance(paid, Mapping) else paid
                received_kw = frozen((1.0 - tie.loss_share) * kw)
                flows.append(
                    TieFlow(tie.name, sender, receiver, frozen(kw), received_kw, frozen(price))
                )
    return tuple(flows)


def ties_among(ties: Sequence[TieLine], names: Collection[str]) -> tuple[TieLine, ...]:
    """Give the lines that have both ends inside a coalition."""
    return tuple(tie for tie in ties if set(tie.between) <= set(names))
