"""A DNO of your own: what it publishes, and what it makes of plans.

mmgsim run duo --set operator.kind=my_operator.py:MyOperator
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mmgsim.contracts import Envelope, OperatorView, Tariff, frozen
from mmgsim_agents.operators.standard import StandardOperator


class MyOperator(StandardOperator):
    """Keeps a part of every envelope back in the hours when everybody wants to export.

    Parameters
    ----------
    noon_share : float
        Part of the export limit that is published from `first_hour` to `last_hour`, in [0, 1].
    first_hour, last_hour : int
        Hours of the local day; the last one is not among them.
    """

    # The options of a scenario arrive here:
    # `operator: {kind: "my_operator.py:MyOperator", options: {noon_share: 0.6}}`
    def __init__(self, noon_share: float = 0.5, first_hour: int = 11, last_hour: int = 15) -> None:
        super().__init__()
        self.noon_share = noon_share
        self.first_hour, self.last_hour = first_hour, last_hour

    def publish(self, view: OperatorView) -> tuple[Tariff, Mapping[str, Envelope]]:
        """Give the tariff, and one envelope for every microgrid: limits are never negative."""
        tariff, envelopes = super().publish(view)
        # Change what follows. Give new envelopes; what was published is never written to. A tariff
        # of your own is `replace(tariff, network_charge_per_kwh=frozen(...))`.
        hours = view.window.local_hours()
        is_noon = (hours >= self.first_hour) & (hours < self.last_hour)
        share = np.where(is_noon, self.noon_share, 1.0)
        return tariff, {
            name: replace(envelope, export_limit_kw=frozen(share * envelope.export_limit_kw))
            for name, envelope in envelopes.items()
        }

    # `review` looks at the plans of a gate, if `repair: {rounds: 5}` stands in the scenario: it
    # gives ACCEPTED, or envelopes that shrink. The one that is inherited cuts where plans break
    # limits of the feeder.
