"""Coordinations as pure ask/tell algorithms: one module each, no bus, no agents, no files."""

from mmgsim.coordination.bilevel import Bilevel
from mmgsim.coordination.bound import least_public_cost
from mmgsim.coordination.central import Central
from mmgsim.coordination.isolated import Isolated
from mmgsim.coordination.pair_charges import pair_charges_per_kwh
from mmgsim.coordination.prices import Prices

__all__ = [
    "Bilevel",
    "Central",
    "Isolated",
    "Prices",
    "least_public_cost",
    "pair_charges_per_kwh",
]
