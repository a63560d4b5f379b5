"""How far it is from bus to bus along the lines of a net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pandapower.topology import calc_distance_to_bus, create_nxgraph

from mmgsim.contracts import FloatArray, frozen

__all__ = ["distances_km"]


def distances_km(net: Any, buses: Sequence[int]) -> FloatArray:
    """Give the length of the lines on the shortest way between buses.

    Lines out of service and open switches are no way; transformers and closed switches have no
    length.

    Parameters
    ----------
    net : pandapowerNet
        Its table `line` has the lengths. Many test cases count 1 km for every line.
    buses : sequence of int
        pandapower's labels.

    Returns
    -------
    (buses, buses) array
        Symmetric; infinite where no way leads from one to the other. [km]
    """
    graph = create_nxgraph(net)
    rows = [calc_distance_to_bus(net, bus, g=graph).reindex(list(buses)) for bus in buses]
    found = np.array([row.to_numpy(dtype=np.float64) for row in rows]).reshape(len(rows), -1)
    # The same way summed from its other end may differ in the last digit.
    found = np.minimum(found, found.T)
    return frozen(np.where(np.isnan(found), np.inf, found))
