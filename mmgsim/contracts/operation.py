"""What a device does in one step."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Operation"]


@dataclass(frozen=True, slots=True)
class Operation:
    """What a device does in one step, at its terminals.

    Parameters
    ----------
    out_kw : float
        Generation or discharge. [kW]
    in_kw : float
        Consumption or charge. [kW]
    """

    out_kw: float = 0.0
    in_kw: float = 0.0

    @property
    def net_kw(self) -> float:
        """Generation minus consumption. [kW]"""
        return self.out_kw - self.in_kw
