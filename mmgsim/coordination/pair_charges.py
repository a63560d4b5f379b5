"""What the network charges a pair of microgrids for a kWh from one to the other."""

from __future__ import annotations

import numpy as np

from mmgsim.contracts import FloatArray, NetworkRows, Tariff, frozen

__all__ = ["pair_charges_per_kwh"]


def pair_charges_per_kwh(rows: NetworkRows, tariff: Tariff) -> FloatArray:
    """Give the charge of a small trade of every pair: the local charge, and the losses it causes.

    ``local + upstream * (dL/dp_seller - dL/dp_buyer)``, around the pattern that the DNO was asked
    about. A trade that relieves the feeder pays less than the local charge, even less than nothing.
    Where there is no power flow, losses are left out.

    Parameters
    ----------
    rows : NetworkRows
        The DNO's answer.
    tariff : Tariff
        Over the same window.

    Returns
    -------
    (sellers, buyers, steps) array
        In the order of the members of `rows`; zero for whoever would trade with itself.
        [currency/kWh]
    """
    slope = np.nan_to_num(rows.loss_per_kw).T
    losses = tariff.upstream_per_kwh * (slope[:, None, :] - slope[None, :, :])
    charges: FloatArray = tariff.local_charge_per_kwh + losses
    itself = np.arange(len(slope))
    charges[itself, itself] = 0.0
    return frozen(charges)
