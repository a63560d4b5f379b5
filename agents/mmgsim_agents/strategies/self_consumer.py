"""Store what is left over, use it when something lacks: the rule of most home batteries."""

from __future__ import annotations

import numpy as np

from mmgsim.contracts import Battery, FloatArray, Load, Renewable, View
from mmgsim.subproblems import (
    MicrogridInputs,
    MicrogridPlan,
    Terms,
    disclosure_of,
)
from mmgsim_agents.strategies.base import OptimisingStrategy

__all__ = ["SelfConsumer"]


class SelfConsumer(OptimisingStrategy):
    """Charges from its own surplus and discharges into its own demand, whatever the prices.

    The rule knows nothing of levels and envelopes; the nearest plan that meets them leaves the
    microgrid. Diesel is no surplus to be stored: it runs where that is cheapest. On terms that fix
    its exchange it follows them like anybody else.
    """

    def plan(self, view: View, terms: Terms) -> MicrogridPlan:
        """Give the feasible plan nearest to the rule, or what an award fixes at least cost."""
        if terms.is_award:
            return super().plan(view, terms)
        inputs = MicrogridInputs(disclosure_of(view), terms)
        first_step = view.window.first_step
        return self.projection(view).project(inputs, first_step, rule_of_thumb(view))


def rule_of_thumb(view: View) -> dict[str, FloatArray]:
    """Give the discharge minus charge of each battery that follows the own net demand. [kW]

    Batteries are filled and emptied in the order of the devices.
    """
    lack_kw = np.zeros(view.window.steps)
    for device in view.devices:
        if isinstance(device, Load | Renewable):
            sign = 1.0 if isinstance(device, Load) else -1.0
            lack_kw += sign * view.forecast_kw[device.name]
    wanted: dict[str, FloatArray] = {}
    for device in view.devices:
        if isinstance(device, Battery):
            start_kwh = view.state.energy_kwh[device.name]
            wanted[device.name] = _follow(device, start_kwh, lack_kw, view.window.step_h)
            lack_kw = lack_kw - wanted[device.name]
    return wanted


def _follow(device: Battery, energy_kwh: float, lack_kw: FloatArray, step_h: float) -> FloatArray:
    net_kw = np.zeros(len(lack_kw))
    for step, lack in enumerate(lack_kw):
        most_out = (energy_kwh - device.energy_min_kwh) * device.efficiency / step_h
        most_in = (device.energy_kwh - energy_kwh) / (device.efficiency * step_h)
        out_kw = min(max(lack, 0.0), device.power_kw, most_out)
        in_kw = min(max(-lack, 0.0), device.power_kw, most_in)
        net_kw[step] = out_kw - in_kw
        energy_kwh += step_h * (device.efficiency * in_kw - out_kw / device.efficiency)
    return net_kw
