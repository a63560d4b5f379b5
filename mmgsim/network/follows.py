"""Which profile each element of a feeder follows: one for all loads, or each element its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray

__all__ = ["Follows"]

IntArray = NDArray[np.int64]

_CONSTANT = -1
"""Position of an element that follows no profile."""


@dataclass(frozen=True, slots=True, eq=False)
class Follows:
    """Positions of the profiles by which the elements of a net are multiplied.

    Parameters
    ----------
    profiles : tuple of str
        Names, in the order of the values of a point; none if all loads follow one that has no name.
    positions : mapping of arrays
        By table and column of the net, one position an element; -1 keeps its nominal value.
    """

    profiles: tuple[str, ...]
    positions: Mapping[tuple[str, str], IntArray]

    @classmethod
    def loads_only(cls, net: Any) -> Follows:
        """Let all loads follow the only profile; everything else keeps its nominal value."""
        return cls(
            profiles=(),
            positions={
                (table, column): np.full(len(net[table]), 0 if table == "load" else _CONSTANT)
                for table in ("load", "sgen")
                for column in ("p_mw", "q_mvar")
            },
        )

    @classmethod
    def own_profiles(
        cls, net: Any, profiles: Sequence[str], *, is_reactive_own: bool = True
    ) -> Follows:
        """Let every element follow the profile that the column `profile` of its table names.

        As in SimBench: loads have one profile of active and one of reactive power, sgens and
        storages one of active power. An element without a profile keeps its nominal value.

        Parameters
        ----------
        net : pandapowerNet
            With a column `profile` in the tables load, sgen and storage.
        profiles : sequence of str
            Names, in the order of the values of a point.
        is_reactive_own : bool
            Whether reactive loads follow profiles of their own; else that of the active load.
        """
        at = {name: position for position, name in enumerate(profiles)}
        reactive = "_qload" if is_reactive_own else "_pload"
        endings = {
            ("load", "p_mw"): "_pload",
            ("load", "q_mvar"): reactive,
            ("sgen", "p_mw"): "",
            ("storage", "p_mw"): "",
        }
        positions = {
            (table, column): np.array(
                [at.get(f"{name}{ending}", _CONSTANT) for name in net[table].profile],
                dtype=np.int64,
            )
            for (table, column), ending in endings.items()
        }
        positions["sgen", "q_mvar"] = np.full(len(net.sgen), _CONSTANT)
        return cls(profiles=tuple(profiles), positions=positions)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Tables and columns of the net that may differ from point to point."""
        return tuple(self.positions)

    @property
    def has_names(self) -> bool:
        """Whether elements follow profiles of their own, so that a point has several values."""
        return bool(self.profiles)

    def factors(self, table: str, column: str, share: float | FloatArray) -> FloatArray:
        """Give what each element of a table is multiplied with at one point.

        Parameters
        ----------
        table, column : str
            Of the net; the microgrids' own sgens follow nothing.
        share : float or (profiles,) array
            Profile values of the point.
        """
        # The position -1 reads the 1 behind all profiles.
        values = np.append(np.atleast_1d(np.asarray(share, dtype=np.float64)), 1.0)
        return np.asarray(values[self.positions[table, column]])

    def named(self, share: float | FloatArray) -> dict[str, float]:
        """Give the profile values of one point by name; none if the only profile has no name."""
        if not self.has_names:
            return {}
        return dict(zip(self.profiles, np.asarray(share).tolist(), strict=True))

    def is_row(self, share: FloatArray) -> bool:
        """Tell whether an array can hold the profile values of points, the first axis."""
        columns = (len(self.profiles),) if self.has_names else ()
        return share.ndim >= 1 and share.shape[1:] == columns

    @property
    def shape_due(self) -> str:
        """The shape of such an array, in words."""
        return f"(points, {len(self.profiles)})" if self.has_names else "(points,)"
