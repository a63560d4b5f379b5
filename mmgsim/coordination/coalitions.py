"""What every group of microgrids would pay together, on its own: the game that money is divided by.

    cost(S) = min sum_{i in S} cost_i     with  sum_{i in S} sold - bought = 0  in every step

A group is looked at as if nobody else traded. One joint problem gives all of them: members outside
find their doors shut, pay what they would on their own, and that is taken off. Only a few limits
change from one group to the next, so that each is solved from the last one's basis.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import numpy as np

from mmgsim.contracts import Disclosure, Envelope, FloatArray, Tariff, TieLine, Window, frozen
from mmgsim.coordination.central import MIP_GAP
from mmgsim.subproblems import (
    CompiledHighs,
    JointOutcome,
    JointProblem,
    PoolRules,
    PoolTerms,
    public_prices,
)

__all__ = ["Coalitions", "groups_between"]

_MAKE_SOLVER = partial(CompiledHighs, mip_gap=MIP_GAP)


class Coalitions:
    """Solves for groups of members of one window.

    Parameters
    ----------
    loss_factor : float
        Of what sellers put in, the share that buyers do not get.
    """

    def __init__(self, loss_factor: float = 0.0) -> None:
        self._rules = PoolRules(loss_factor=loss_factor, has_doors=True)
        self._problem: JointProblem | None = None

    def reset(self) -> None:
        """Make the problem as new, without building it again."""
        if self._problem is not None:
            self._problem.reset()

    def start(
        self,
        declared: Mapping[str, Disclosure],
        envelopes: Mapping[str, Envelope],
        tariff: Tariff,
        *,
        ties: tuple[TieLine, ...] = (),
    ) -> None:
        """Take the members of a window, in the order that groups name them by.

        Parameters
        ----------
        declared, envelopes : mappings
            By name of microgrid.
        tariff : Tariff
            Over the window; bills count, whatever the objective of the scenario.
        ties : tuple of TieLine
            Private lines; a group has those between its own members.
        """
        self._declared, self._envelopes = declared, envelopes
        self._prices, self._window = public_prices(tariff), tariff.window
        self._problem = self._fitting(declared, tariff.window, ties)
        apart = self._solved(())
        self.alone = frozen(np.array([apart.member_cost[name] for name in declared]))

    def _fitting(
        self, declared: Mapping[str, Disclosure], window: Window, ties: tuple[TieLine, ...]
    ) -> JointProblem:
        devices = {name: disclosure.devices for name, disclosure in declared.items()}
        if self._problem is not None and self._problem.fits(devices, window, ties):
            return self._problem
        return JointProblem(devices, window, ties=ties, rules=self._rules, make_solver=_MAKE_SOLVER)

    def _solved(self, inside: Iterable[str]) -> JointOutcome:
        assert self._problem is not None
        terms = PoolTerms(most_cost={}, inside=frozenset(inside))
        step = self._window.first_step
        return self._problem.solve(self._declared, self._envelopes, self._prices, step, terms=terms)

    def together(self) -> JointOutcome:
        """Give the optimum of everybody."""
        return self._solved(self._declared)

    def price_nearest_to(self, wanted_per_kwh: FloatArray) -> FloatArray:
        """Give the dual of the balance that is nearest to what is wanted. [currency/kWh]

        Of the last solve; (steps,) array.
        """
        assert self._problem is not None
        return self._problem.price_nearest_to(wanted_per_kwh)

    @property
    def has_integers(self) -> bool:
        """True where the last solve was a MILP, whose duals are those with integers held."""
        return self._problem is not None and self._problem.has_integers

    def cost(self, mask: int) -> float:
        """Give what a group pays, by the bits of its members' positions. [currency]"""
        if mask.bit_count() < 2:  # nobody, or one alone
            return float(self.alone[mask.bit_length() - 1]) if mask else 0.0
        names = list(self._declared)
        is_in = np.array([mask >> i & 1 for i in range(len(names))], dtype=np.bool_)
        inside = [name for name, own in zip(names, is_in, strict=True) if own]
        together = self._solved(inside).cost - float(self.alone[~is_in].sum())
        # Best by tangents of fuel may cost more than own plans do; they can be kept to.
        return min(together, float(self.alone[is_in].sum()))

    def costs(self) -> FloatArray:
        """Give what every group pays: (2^n,) array, by the bits of its members. [currency]"""
        members = len(self._declared)
        cost = np.zeros(1 << members)
        cost[1 << np.arange(members)] = self.alone
        for mask in (*groups_between(members), (1 << members) - 1):
            cost[mask] = self.cost(mask)
        return frozen(cost)


def groups_between(members: int) -> Iterator[int]:
    """Give all groups of two or more that are not everybody, one member apart where possible.

    In the order of a Gray code: from one to the next a single door opens or shuts.
    """
    for number in range(1 << members):
        mask = number ^ number >> 1
        if 1 < mask.bit_count() < members:
            yield mask
