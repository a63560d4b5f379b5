"""What the DNO owns and does itself: it holds the plan that came with its last grants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Disclosure,
    Envelope,
    FloatArray,
    Grants,
    Member,
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
        realised = Realised(window.first_step, {})
        view = self._view(window, tariff)
        dispatch = hold_plan(view, realised)
        before, self.state = (
            self.state,
            self.state.after(self.devices, dispatch.operations, window.step_h),
        )
        shed_kw = np.zeros(len(self._shed_at))
        if self._shed_kw is not None and self.plan is not None:
            shed_kw = self._shed_kw[:, self.plan.window.offset(window.first_step)]
        sent_kw = np.array([dispatch.operations[d.name].net_kw for d in self.devices])
        self.last = OwnStep(
            realised=realised,
            dispatch=dispatch,
            exchange_kw=frozen(np.concatenate([sent_kw, shed_kw])),
            q_kvar=frozen(np.concatenate([0.0 * sent_kw, self._kvar_per_kw * shed_kw])),
            sent_kw=float(sent_kw.sum()),
            shed_kw=float(shed_kw.sum()),
            operations=operation_costs(self.devices, before, dispatch, window.step_h),
        )
        return self.last

    def _view(self, window: Window, tariff: Tariff) -> View:
        """Give what the framework's rule for holding plans looks at: no limit of a connection."""
        any_kw = frozen(np.full(window.steps, np.inf))
        return View(
            name=self.name,
            window=window,
            devices=self.devices,
            state=self.state,
            forecast_kw={},
            storage={},
            tariff=tariff,
            envelope=Envelope(
                microgrid=self.name, window=window, import_limit_kw=any_kw, export_limit_kw=any_kw
            ),
            plan=self.plan,
        )
