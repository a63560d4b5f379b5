"""What an action of a microgrid means, and whether it is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mmgsim.contracts import Battery, Device, Instruction
from mmgsim.errors import Fault, GymError, near_miss
from mmgsim.gym.fields import Field, box_of

__all__ = ["Acting", "instructions_of"]

MARKUP = "markup"

# What rounding to single precision may take a number out of its limits by.
_ROUNDING = 1e-6


class Acting:
    """How one microgrid can be driven: one number a battery, one for its orders.

    Parameters
    ----------
    devices : sequence of Device
        What it owns.
    orders : bool
        Whether it trades by orders.

    Attributes
    ----------
    fields : tuple of Field
        The numbers of an action.
    space : Box
        All actions.
    """

    def __init__(self, devices: Sequence[Device], *, orders: bool) -> None:
        self._batteries = tuple(d.name for d in devices if isinstance(d, Battery))
        fields = [
            Field(f"{d.name}.net_kw", "kW", d.power_kw, -1.0, 1.0)
            for d in devices
            if isinstance(d, Battery)
        ]
        if orders:
            fields.append(Field(MARKUP, "1", 1.0, -1.0, 1.0))
        self.fields = tuple(fields)
        self.space = box_of(self.fields)

    def faults(self, name: str, action: Any) -> Iterator[Fault]:
        """Give what is wrong with an action."""
        cure = f"give {len(self.fields)} numbers: {', '.join(f.name for f in self.fields)}"
        try:
            numbers = np.asarray(action, dtype=np.float64)
        except (TypeError, ValueError):
            yield Fault(name, f"{action!r} is no array of numbers", cure)
            return
        if numbers.shape != self.space.shape:
            yield Fault(name, f"has shape {numbers.shape}, not {self.space.shape}", cure)
            return
        for field, number in zip(self.fields, numbers.tolist(), strict=True):
            if not np.isfinite(number):
                yield Fault(f"{name}, {field.name}", f"is {number}", "give a number in [-1, 1]")
            elif abs(number) > 1.0 + _ROUNDING:
                yield Fault(f"{name}, {field.name}", f"is {number:g}", "clip it to [-1, 1]")

    def instruction(self, action: Any) -> Instruction:
        """Give what an action without faults tells the microgrid."""
        numbers = np.clip(np.asarray(action, dtype=np.float64), -1.0, 1.0)
        told = {
            field.name: field.scale * float(number)
            for field, number in zip(self.fields, numbers, strict=True)
        }
        markup = told.pop(MARKUP, 0.0)
        return Instruction(
            sender="gym",
            net_kw=dict(zip(self._batteries, told.values(), strict=True)),
            markup=markup,
        )


def instructions_of(
    actions: Mapping[str, Any], acting: Mapping[str, Acting]
) -> dict[str, Instruction]:
    """Give what actions tell each of those that act.

    Raises
    ------
    GymError
        Naming every fault of all actions.
    """
    faults = [
        Fault(str(name), "is no agent that acts now", near_miss(str(name), acting))
        for name in actions
        if name not in acting
    ]
    for name, one in acting.items():
        if name in actions:
            faults += one.faults(name, actions[name])
        else:
            faults.append(Fault(name, "has no action", "give one for every agent in env.agents"))
    if faults:
        raise GymError("actions", faults)
    return {name: one.instruction(actions[name]) for name, one in acting.items()}
