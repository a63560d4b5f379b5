"""What the DNO owns and does itself: it holds the plan that came with its last grants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Disclosure,
    Dispatch,
    Envelope,
    FloatArray,
    Grants,
    Member,
    Operation,
    OwnDevice,
    Plan,
    Realised,
    Tariff,
    View,
    Window,
    frozen,
)
from mmgsim.engine import OWN, SHED, OwnSetup, OwnStep
from mmgsim.network import FeederTree
from mmgsim.settlement import operation_costs
from mmgsim.subproblems import hold_plan, storage_rules

__all__ = ["OwnDevices"]

TOLERANCE_KW = 1e-6  # larger than the rounding of a power flow


class OwnDevices:
    """The DNO's storage and diesel units, and background demand that it leaves unserved.

    They follow the plan that came with the last grants; without one, as under coordinations that
    ask for no grants, storage stands still and diesel units stop.

    Parameters
    ----------
    setup : OwnSetup
        What there is.
    connections : sequence of Member
        Where it enters the feeder: one of each device, then one of each bus with demand that may
        be left unserved.
    tree : FeederTree or None
        The feeder, whose buses those of grants are.

    Attributes
    ----------
    state : CarriedState
        What the devices carry into the next step.
    plan : Plan or None
        Schedule of the devices over the window of the last gate.
    last : OwnStep or None
        What they did in the last step.
    """

    name = "dno"

    def __init__(
        self, setup: OwnSetup, connections: Sequence[Member], tree: FeederTree | None
    ) -> None:
        self.devices, self.state = setup.devices, setup.state
        self.shed_price_per_kwh = setup.shed_price_per_kwh
        self.plan: Plan | None = None
        self.last: OwnStep | None = None
        self._setup = setup
        self._shed_kw: FloatArray | None = None
        self._before = self.state
        self._size = len(connections)
        shed = [member for member in connections if member.name.startswith(SHED)]
        self._shed_at = np.zeros(len(shed), dtype=np.int64)
        self._shed_part = self._kvar_per_kw = np.zeros(len(shed))
        if tree is not None and shed:
            self._shed_at = at = np.array([tree.places[member.bus or 0] for member in shed])
            # A place of the plan is several buses where switches join them: each has its part.
            load_kw = np.array([member.export_limit_kw for member in shed])
            self._shed_part = load_kw / np.bincount(at, load_kw)[at]
            self._kvar_per_kw = tree.load_kvar[at] / tree.load_kw[at]

    # ------------------------------------------------------------------ from day to day
    def carried(self) -> dict[str, Any]:
        """Give all that goes on from one day into the next."""
        return {
            "devices": self.devices,
            "state": self.state,
            "plan": self.plan,
            "shed_kw": self._shed_kw,
        }

    def take_over(self, carried: Mapping[str, Any]) -> None:
        """Go on from what was carried."""
        self.devices, self.state = carried["devices"], carried["state"]
        self.plan, self._shed_kw = carried["plan"], carried["shed_kw"]

    # ------------------------------------------------------------------ planning
    def declared(self, window: Window, due: Sequence[int]) -> tuple[OwnDevice, ...]:
        """Give every device with what it owes over a window; `due` as of `storage_rules`."""
        return tuple(
            OwnDevice(
                f"{OWN}{device.name}",
                self._setup.buses[device.name],
                Disclosure(
                    window=window,
                    devices=(device,),
                    state=self.state,
                    forecast_kw={},
                    storage={}
                    if device.name not in self._setup.rules
                    else storage_rules(
                        self._setup.rules[device.name],
                        (device,),
                        self.state,
                        window,
                        due,
                        miss_price_per_kwh=self._setup.miss_price_per_kwh,
                    ),
                ),
            )
            for device in self.devices
        )

    def open_gate(self) -> None:
        """Forget the plan of the last gate."""
        self.plan = self._shed_kw = None

    def take(self, grants: Grants, window: Window) -> None:
        """Take over the plan that comes with grants."""
        zero = np.zeros(window.steps)
        plan = Plan(
            window=window,
            exchange_kw=zero,
            q_kvar=zero,
            private_cost=0.0,
            schedule=dict(grants.schedule or {}),
        )
        self.plan, self._shed_kw = plan.kept(), None
        if grants.background_shed_kw is not None:
            at_places_kw = grants.background_shed_kw[self._shed_at]
            self._shed_kw = frozen(self._shed_part[:, None] * at_places_kw)

    def planned_kw(self, steps: int) -> FloatArray:
        """Give what is to enter at every connection over the last gate's window. [kW]

        Returns
        -------
        (steps, connections) array
        """
        planned_kw = np.zeros((steps, self._size))
        schedule = {} if self.plan is None else self.plan.schedule or {}
        for column, device in enumerate(self.devices):
            if device.name in schedule:
                entry = schedule[device.name]
                planned_kw[:, column] = entry.out_kw - entry.in_kw
        if self._shed_kw is not None:
            planned_kw[:, len(self.devices) :] = self._shed_kw.T
        return planned_kw

    # ------------------------------------------------------------------ acting
    def act(self, window: Window, tariff: Tariff) -> OwnStep:
        """Do what is planned for the first step of a window, as far as the devices can."""
        self._before = self.state
        shed_kw = np.zeros(len(self._shed_at))
        if self._shed_kw is not None and self.plan is not None:
            shed_kw = self._shed_kw[:, self.plan.window.offset(window.first_step)]
        return self._do(self._view(window, tariff), {}, shed_kw)

    def limit(self, window: Window, tariff: Tariff, carried_kw: FloatArray) -> OwnStep:
        """Act again where the feeder carries something else at a connection than was tried.

        Parameters
        ----------
        window, tariff : Window, Tariff
            As those of `act`.
        carried_kw : (connections,) array
            What entered the feeder. [kW]
        """
        if self.last is None:
            raise RuntimeError("acting again comes after acting")
        apart = np.abs(carried_kw - self.last.exchange_kw) > TOLERANCE_KW
        if not apart.any():
            return self.last
        count = len(self.devices)
        limits_kw = {
            device.name: float(kw)
            for device, kw, is_apart in zip(
                self.devices, carried_kw[:count], apart[:count], strict=True
            )
            if is_apart
        }
        step = self._do(self._view(window, tariff), limits_kw, carried_kw[count:])
        if limits_kw:
            self.last = step = replace(step, flags=("dno_not_carried",))
        return step

    def _do(self, view: View, limits_kw: Mapping[str, float], shed_kw: FloatArray) -> OwnStep:
        """Hold the plan, each device on its own: who has a limit sends, or draws, that at most."""
        window, devices = view.window, self.devices
        realised = Realised(window.first_step, {})
        operations: dict[str, Operation] = {}
        flags: tuple[str, ...] = ()
        for device in devices:
            most_kw = limits_kw.get(device.name)
            envelope = view.envelope if most_kw is None else _up_to(view, most_kw)
            own = hold_plan(replace(view, devices=(device,), envelope=envelope), realised)
            operations |= own.operations
            flags += own.flags
        dispatch = Dispatch(operations=operations, flags=tuple(dict.fromkeys(flags)))
        self.state = self._before.after(devices, operations, window.step_h)
        sent_kw = np.array([operations[device.name].net_kw for device in devices])
        self.last = OwnStep(
            realised=realised,
            dispatch=dispatch,
            exchange_kw=frozen(np.concatenate([sent_kw, shed_kw])),
            q_kvar=frozen(np.concatenate([0.0 * sent_kw, self._kvar_per_kw * shed_kw])),
            sent_kw=float(sent_kw.sum()),
            shed_kw=float(shed_kw.sum()),
            operations=operation_costs(devices, self._before, dispatch, window.step_h),
        )
        return self.last

    def _view(self, window: Window, tariff: Tariff) -> View:
        """Give what the framework's rule for holding plans looks at: no limit of a connection."""
        any_kw = frozen(np.full(window.steps, np.inf))
        return View(
            name=self.name,
            window=window,
            devices=self.devices,
            state=self._before,
            forecast_kw={},
            storage={},
            tariff=tariff,
            envelope=Envelope(
                microgrid=self.name, window=window, import_limit_kw=any_kw, export_limit_kw=any_kw
            ),
            plan=self.plan,
        )


def _up_to(view: View, exchange_kw: float) -> Envelope:
    """Give an envelope around what a connection carried, the other way closed. [kW]"""
    steps = np.ones(view.window.steps)
    return replace(
        view.envelope,
        import_limit_kw=frozen(max(-exchange_kw, 0.0) * steps),
        export_limit_kw=frozen(max(exchange_kw, 0.0) * steps),
    )
