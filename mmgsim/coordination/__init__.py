"""Coordinations as pure ask/tell algorithms: one module each, no bus, no agents, no files."""

from mmgsim.coordination.central import Central
from mmgsim.coordination.isolated import Isolated

__all__ = ["Central", "Isolated"]
