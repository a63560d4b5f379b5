"""What sessions ask of a window: those that are on, and those that begin in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from mmgsim.contracts import (
    CarriedState,
    Device,
    FloatArray,
    Session,
    SessionRule,
    SessionStore,
    Window,
    frozen,
)

__all__ = ["session_rules"]


def session_rules(
    devices: tuple[Device, ...],
    sessions: Mapping[str, Sequence[Session]],
    state: CarriedState,
    window: Window,
    *,
    miss_price_per_kwh: float,
) -> Mapping[str, SessionRule]:
    """Give what the sessions of every vehicle and flexible load ask of one window.

    Parameters
    ----------
    devices : tuple of Device
        What the microgrid owns.
    sessions : mapping
        All sessions of the run by device name, in order and without overlap.
    state : CarriedState
        At the start of the window.
    window : Window
        The steps ahead.
    miss_price_per_kwh : float
        What a vehicle that leaves with less than it could have costs a plan; a flexible load has a
        price of its own. [currency/kWh]
    """
    rules = {}
    for device in devices:
        if isinstance(device, SessionStore):
            price = miss_price_per_kwh if device.is_vehicle else device.missing_per_kwh
            writer = _Writer(device, window)
            for one in sessions[device.name]:
                writer.add(one, state.session_kwh[device.name])
            rules[device.name] = writer.rule(price)
    return MappingProxyType(rules)


class _Writer:
    """Writes the sessions of one store into arrays over a window."""

    def __init__(self, device: SessionStore, window: Window) -> None:
        self._device, self._window = device, window
        self._plugged, self._leaving, self._arrives = np.zeros((3, window.steps))
        self._floor, self._least, self._wanted = np.zeros((3, window.steps))

    def add(self, session: Session, now_kwh: float) -> None:
        """Write a session, if the window sees it; `now_kwh` is what the store holds now."""
        device, window = self._device, self._window
        first = max(session.first_step - window.first_step, 0)
        stop = session.stop_step - window.first_step
        if stop <= first or first >= window.steps:
            return
        is_on = session.first_step < window.first_step
        begins_kwh = now_kwh if is_on else session.arrives_kwh
        seen = slice(first, min(stop, window.steps))
        self._plugged[seen], self._floor[seen] = 1.0, device.floor_kwh(session)
        self._arrives[first] = begins_kwh
        self._least[seen] = self._needed_kwh(session, begins_kwh, stop - first)[: seen.stop - first]
        if stop <= window.steps:
            self._leaving[stop - 1], self._wanted[stop - 1] = 1.0, session.wanted_kwh

    def _needed_kwh(self, session: Session, begins_kwh: float, steps: int) -> FloatArray:
        """Give the least energy at the end of each step left from which the rest can be charged.

        ``min(wanted, begins + full charge) - full charge of the steps after it``, and no less than
        the floor. [kWh]
        """
        device, step_h = self._device, self._window.step_h
        reach_kwh = min(session.wanted_kwh, begins_kwh + device.charged_kwh(steps, step_h))
        after = np.arange(steps - 1, -1, -1)
        needed_kwh = reach_kwh - after * device.charged_kwh(1, step_h)
        least_kwh: FloatArray = np.maximum(needed_kwh, device.floor_kwh(session))
        return least_kwh

    def rule(self, miss_price_per_kwh: float) -> SessionRule:
        """Give what was written."""
        return SessionRule(
            step_h=self._window.step_h,
            is_plugged=frozen(self._plugged),
            is_leaving=frozen(self._leaving),
            arrives_kwh=frozen(self._arrives),
            floor_kwh=frozen(self._floor),
            least_kwh=frozen(self._least),
            wanted_kwh=frozen(self._wanted),
            miss_price_per_kwh=miss_price_per_kwh,
        )
