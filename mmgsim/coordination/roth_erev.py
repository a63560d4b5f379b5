"""Learning from what one's own choices brought: propensities that grow with their rewards.

.. [1] I. Erev and A. E. Roth, "Predicting how people play games: reinforcement learning in
   experimental games with unique, mixed strategy equilibria", American Economic Review 88(4), 1998.
.. [2] J. Nicolaisen, V. Petrov and L. Tesfatsion, "Market power and efficiency in a computational
   electricity market with discriminatory double-auction pricing", IEEE Transactions on
   Evolutionary Computation 5(5), 2001, doi 10.1109/4235.956714.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmgsim.contracts import FloatArray, frozen

__all__ = ["Experience", "RothErev"]

# No propensity falls below this, so that nothing is ever out of the question for good.
LEAST = 1e-9

# 0.2 / 2 and 0.1 are the same.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class RothErev:
    """What somebody has learnt about a few choices: the modified algorithm of [2]_.

    Parameters
    ----------
    propensities : (choices,) array
        Above zero, in the unit of rewards.
    recency : float
        Share of a propensity that is forgotten each time, phi of [1]_, from 0 to 1.
    experimentation : float
        Share of a reward that the choice itself does not get, epsilon of [1]_, from 0 to below 1.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or `recency` is less than ``experimentation / choices``.

    Notes
    -----
    Who is not chosen grows by ``1 - phi + epsilon / (N - 1)`` in [2]_. All propensities together
    are expected to become at most ``1 - phi + epsilon / N`` times what they were, and
    ``(1 - epsilon) R`` on top: the chosen ones do not grow so, and they are drawn by their
    propensities. Above 1 they would grow without any reward and without end, and new rewards would
    count for less and less.

    The defaults are what [1]_ fitted to twelve games of people, with the 9 of `even`.

    Examples
    --------
    >>> learnt = RothErev.even(2).learn(0, 10.0)
    >>> learnt.probabilities.round(3).tolist()
    [0.709, 0.291]
    """

    propensities: FloatArray
    recency: float = 0.1
    experimentation: float = 0.2

    def __post_init__(self) -> None:
        if len(self.propensities) == 0 or not _is_usable(self.propensities):
            raise ValueError("propensities are one or more numbers above 0")
        if not 0.0 <= self.recency <= 1.0:
            raise ValueError(f"recency is between 0 and 1, not {self.recency:g}")
        if not 0.0 <= self.experimentation < 1.0:
            raise ValueError(f"experimentation is from 0 to below 1, not {self.experimentation:g}")
        least = self.experimentation / len(self.propensities)
        if len(self.propensities) > 1 and self.recency < least - ROUNDING:
            raise ValueError(
                f"recency is at least experimentation / choices, here {least:g}, not "
                f"{self.recency:g}: less would be forgotten than is added without any reward"
            )

    @classmethod
    def even(
        cls,
        choices: int,
        *,
        strength: float = 9.0,
        recency: float = 0.1,
        experimentation: float = 0.2,
    ) -> RothErev:
        """Give who knows nothing yet.

        Parameters
        ----------
        choices : int
            How many there are.
        strength : float
            Sum of all propensities, in mean rewards, s(1) of [1]_: where rewards are about 1, what
            has to be learnt against.
        recency, experimentation : float
            As of the class.
        """
        if not 0.0 < strength < np.inf:
            raise ValueError(f"strength is a number above 0, not {strength:g}")
        return cls(frozen(np.full(choices, strength / choices)), recency, experimentation)

    @property
    def probabilities(self) -> FloatArray:
        """How likely each choice is: in proportion to the propensities. (choices,) array."""
        return frozen(self.propensities / self.propensities.sum())

    def choose(self, rng: np.random.Generator) -> int:
        """Draw a choice, by one number of the stream."""
        ends = np.cumsum(self.probabilities)
        # Rounding may leave the last end a little below 1.
        return min(int(np.searchsorted(ends, rng.random(), side="right")), len(ends) - 1)

    def learn(self, choice: int, reward: float) -> RothErev:
        """Give what is known after a choice brought a reward.

        ``q_k <- (1 - phi) q_k + E_k`` with ``E_k = (1 - epsilon) R`` for what was chosen and
        ``E_k = epsilon q_k / (N - 1)`` for each of the others [2]_. In [1]_ the others get
        ``epsilon R / (N - 1)``, so that a choice without reward leaves all probabilities as they
        were; here it loses to the others.

        Parameters
        ----------
        choice : int
            Position of what was chosen.
        reward : float
            Not negative.
        """
        if not 0.0 <= reward < np.inf:
            raise ValueError(f"a reward is a number from 0, not {reward:g}")
        others = max(len(self.propensities) - 1, 1)
        updated = (1.0 - self.recency + self.experimentation / others) * self.propensities
        own = self.propensities[choice]
        updated[choice] = (1.0 - self.recency) * own + (1.0 - self.experimentation) * reward
        return replace(self, propensities=frozen(np.maximum(updated, LEAST)))


def _is_usable(propensities: FloatArray) -> bool:
    found = np.asarray(propensities)
    return bool((np.isfinite(found) & (found > 0.0)).all())


@dataclass(frozen=True, slots=True, eq=False)
class Experience:
    """What somebody has learnt from gains whose size nobody knows beforehand.

    A gain is rewarded in units of the mean gain so far, its own included. So neither currency nor
    size matters, and no single gain sets the scale: the first sun of a morning is one of many.

    Parameters
    ----------
    learnt : RothErev
        Of the choices; rewards are in mean gains.
    mean_gain : float
        Of the gains above zero so far, 0 before there was any. [currency]
    gains : int
        How many these were.
    """

    learnt: RothErev
    mean_gain: float = 0.0
    gains: int = 0

    def after(self, choice: int, gained: float) -> Experience:
        """Give what is known after a choice gained something; a loss is no reward. [currency]"""
        if gained <= 0.0:
            return replace(self, learnt=self.learnt.learn(choice, 0.0))
        gains = self.gains + 1
        mean_gain = self.mean_gain + (gained - self.mean_gain) / gains
        return Experience(self.learnt.learn(choice, gained / mean_gain), mean_gain, gains)
