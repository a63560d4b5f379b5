"""A year of the rule for many candidate sizes at once."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Literal

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.sizing.case import Sharing, SizingCase
from mmgsim.sizing.plain import plain_totals
from mmgsim.sizing.rule import rule_inputs
from mmgsim.sizing.totals import Totals

__all__ = ["Engine", "YearSimulator", "has_numba"]

Engine = Literal["auto", "numba", "numpy"]


def has_numba() -> bool:
    """Tell whether the extra that compiles is installed."""
    return find_spec("numba") is not None


class YearSimulator:
    """Runs the rule of paper 004 over the whole year, for as many candidates as are given.

    No optimisation and no look-ahead: what a step does follows from what is stored at its
    beginning. With numba a candidate of three microgrids and 8760 steps takes about half a
    millisecond among others, with numpy thirty to forty times as long; values agree to rounding.

    Parameters
    ----------
    case : SizingCase
        The year.
    sharing : Sharing
        What microgrids do with what they have left over.
    engine : {"auto", "numba", "numpy"}
        Which of both computes; numba where it is installed.
    workers : int or None
        Threads of the compiled form, by default one a processor. They change no value.

    Attributes
    ----------
    case, sharing, workers
        As given.
    rule : RuleInputs
        The numbers that both engines read.
    engine : {"numba", "numpy"}
        The one that computes.

    Raises
    ------
    ValueError
        If batteries that differ are to be pooled, or numba is asked for and missing.
    """

    def __init__(
        self,
        case: SizingCase,
        sharing: Sharing = Sharing.PEERS,
        *,
        engine: Engine = "auto",
        workers: int | None = None,
    ) -> None:
        if engine == "numba" and not has_numba():
            raise ValueError(
                "numba is not installed: pip install 'mmgsim[fast]', or leave engine out"
            )
        self.case = case
        self.sharing = sharing
        self.rule = rule_inputs(case, sharing)
        self.engine: Engine = "numba" if engine != "numpy" and has_numba() else "numpy"
        self.workers = workers

    @property
    def members(self) -> tuple[str, ...]:
        """Whom totals are of: microgrids, or the pool of all."""
        return ("(pool)",) if self.sharing is Sharing.POOL else self.case.names

    def only(self, members: Sequence[int]) -> YearSimulator:
        """Give that of some microgrids without the others, by their positions.

        Raises
        ------
        ValueError
            If nobody is named, or somebody twice.
        """
        case = self.case.only(members)
        return YearSimulator(case, self.sharing, engine=self.engine, workers=self.workers)

    def totals(self, sizes: FloatArray) -> Totals:
        """Give what the year comes to.

        Parameters
        ----------
        sizes : (candidates, microgrids, 3) array
            Of wind, PV and battery. [kW], [kW], [kWh]

        Raises
        ------
        ValueError
            If the shape is another one, or a size is negative or no number.
        """
        sizes = np.asarray(sizes, dtype=np.float64)
        if sizes.ndim != 3 or sizes.shape[1:] != (self.case.members, 3):
            shape = f"(candidates, {self.case.members}, 3)"
            raise ValueError(f"sizes have the shape {shape}, not {sizes.shape}")
        if not (np.isfinite(sizes) & (sizes >= 0.0)).all():
            raise ValueError("sizes are finite numbers of at least 0")
        if self.engine == "numba":
            from mmgsim.sizing.compiled import compiled_totals  # an extra

            return Totals(compiled_totals(self.rule, sizes, self.workers))
        return Totals(plain_totals(self.rule, sizes))
