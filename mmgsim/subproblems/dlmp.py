"""Locational prices of a feeder, and what they are made of.

The price at a bus is the dual of its balance: what one more kWh drawn there would cost. At the AC
power flow of the schedule, whose derivatives are exact, it splits into

    ``energy + (energy + loss penalty) dL/dp - sum mu d|I|^2/dp - sum nu d|V|^2/dp``

with the duals ``mu <= 0`` of the squared currents and ``nu`` of the squared voltages (positive at
the lower limit): the conditions of optimality of the problem on the AC equations themselves. The
duals come from an LP whose tangents do not touch exactly there, so that a residual is left. See
F. C. Schweppe et al., "Spot Pricing of Electricity", Kluwer, 1988, and for the parts
A. Papavasiliou, "Analysis of distribution locational marginal prices", IEEE Trans. Smart Grid 9(5),
2018, doi:10.1109/TSG.2017.2673860.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmgsim.contracts import FloatArray, frozen
from mmgsim.network import FeederTree
from mmgsim.subproblems.to_ac import AcSchedule, StepStatus

__all__ = ["LocationalPrices", "locational_prices"]


@dataclass(frozen=True, slots=True, eq=False)
class LocationalPrices:
    """Prices at all buses, (buses, steps) arrays; the parts add up to the price. [currency/kWh]

    Where losses are held (`StepStatus.INEXACT`, and `VIOLATED`), prices belong to losses that do
    not change, and only energy and residual are told apart.

    Parameters
    ----------
    price : (buses, steps) array
        Of one more kWh consumed.
    energy : (buses, steps) array
        At the substation.
    loss, congestion, voltage : (buses, steps) arrays
        What losses, currents and voltages at their limits add to it.
    residual : (buses, steps) array
        What is left.
    """

    price: FloatArray
    energy: FloatArray
    loss: FloatArray
    congestion: FloatArray
    voltage: FloatArray
    residual: FloatArray


def locational_prices(
    tree: FeederTree, schedule: AcSchedule, *, step_h: float, loss_price_per_kwh: float
) -> LocationalPrices:
    """Give the prices of a schedule and their parts.

    Parameters
    ----------
    tree : FeederTree
        The network.
    schedule : AcSchedule
        Solved on it.
    step_h : float
        Length of a step. [h]
    loss_price_per_kwh : float
        Penalty on losses in the objective. [currency/kWh]
    """
    found = schedule.multipliers
    price = found.balance / (tree.base_kw * step_h)
    energy = np.broadcast_to(price[tree.root], price.shape)
    exact = np.array([status is StepStatus.EXACT for status in schedule.status])
    slopes = tree.slopes(schedule.points.only(exact))
    current2, voltage2 = found.current2[:, exact], found.voltage2[tree.child][:, exact]
    loss, congestion, voltage = np.zeros((3, *price.shape))
    loss[:, exact] = (energy[:, exact] + loss_price_per_kwh) * slopes.loss.T
    congestion[:, exact] = -np.einsum("bs,sbn->ns", current2, slopes.current2) / step_h
    voltage[:, exact] = -np.einsum("bs,sbn->ns", voltage2, slopes.voltage2) / step_h
    voltage[:, exact] += _of_guards(tree, found.guard[:, exact]) / step_h
    return LocationalPrices(
        price=frozen(price),
        energy=frozen(energy),
        loss=frozen(loss),
        congestion=frozen(congestion),
        voltage=frozen(voltage),
        residual=frozen(price - energy - loss - congestion - voltage),
    )


def _of_guards(tree: FeederTree, guard: FloatArray) -> FloatArray:
    """Give what guards add: voltages without losses fall by ``2 R`` per unit consumed."""
    of_buses = np.zeros((len(tree.buses), guard.shape[1]))
    of_buses[tree.child] = 2.0 * tree.shared_r_pu.T @ guard / tree.base_kw
    return of_buses
