"""Locational prices of a feeder, and what they are made of.

The price at a bus is the dual of its balance: what one more kWh drawn there would cost. At the AC
power flow of the schedule, whose derivatives are exact, it splits into

    ``energy (1 + dL/dp) + loss penalty dL'/dp - sum mu d|I|^2/dp - sum nu d|V|^2/dp``

with all losses ``L``, those of currents in series ``L'``, and the duals ``mu <= 0`` of the squared
currents and ``nu`` of the squared voltages (positive at the lower limit): the conditions of
optimality of the problem on the AC equations themselves. The duals come from an LP whose tangents
do not touch exactly there, so that a residual is left. See F. C. Schweppe et al., "Spot Pricing of
Electricity", Kluwer, 1988, and for the parts A. Papavasiliou, "Analysis of distribution
locational marginal prices", IEEE Trans. Smart Grid 9(5), 2018, doi:10.1109/TSG.2017.2673860.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmgsim.contracts import FloatArray, frozen
from mmgsim.network import BusSlopes, FeederTree
from mmgsim.subproblems.cuts import lossless_shift
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
    loss[:, exact] = energy[:, exact] * slopes.loss.T + loss_price_per_kwh * slopes.series_loss.T
    congestion[:, exact] = -np.einsum("bs,sbn->ns", current2, slopes.current2) / step_h
    congestion[:, exact] -= np.einsum("es,sen->ns", found.end2[:, exact], slopes.end2) / step_h
    voltage[:, exact] = -np.einsum("bs,sbn->ns", voltage2, slopes.voltage2) / step_h
    guarded = _of_guards(tree, slopes)
    voltage[:, exact] -= np.einsum("bs,sbn->ns", found.guard[:, exact], guarded) / step_h
    return LocationalPrices(
        price=frozen(price),
        energy=frozen(energy),
        loss=frozen(loss),
        congestion=frozen(congestion),
        voltage=frozen(voltage),
        residual=frozen(price - energy - loss - congestion - voltage),
    )


def _of_guards(tree: FeederTree, slopes: BusSlopes) -> FloatArray:
    """Give the derivatives of voltages without losses, ``V^2 + C |I|^2``; see `guards`."""
    shifted = np.einsum("bc,scn->sbn", lossless_shift(tree), slopes.current2)
    return np.asarray(slopes.voltage2 + shifted)
