"""The Mesa model, its clock and its message bus."""

from mmgsim.engine.bus import Addressee, MessageBus, Traffic
from mmgsim.engine.clock import Clock
from mmgsim.engine.model import MultiMicrogridModel, build, load_variant
from mmgsim.engine.named import NamedAgents
from mmgsim.engine.records import FlowStep, MicrogridStep
from mmgsim.engine.setup import Meters, MicrogridSetup

__all__ = [
    "Addressee",
    "Clock",
    "FlowStep",
    "MessageBus",
    "Meters",
    "MicrogridSetup",
    "MicrogridStep",
    "MultiMicrogridModel",
    "NamedAgents",
    "Traffic",
    "build",
    "load_variant",
]
