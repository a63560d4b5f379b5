"""The Mesa model, its clock and its message bus."""

from mmgsim.engine.bus import Addressee, MessageBus, Traffic
from mmgsim.engine.checkpoint import (
    Checkpoint,
    check_kept,
    fingerprint,
    packed,
    read_checkpoint,
    unpacked,
    write_checkpoint,
)
from mmgsim.engine.clock import Clock
from mmgsim.engine.containment import Seat, guarded, says_itself
from mmgsim.engine.futures import Futures
from mmgsim.engine.happening import Condition, Conditions
from mmgsim.engine.line import Line, OutOfTimeError, Quality, SilenceError
from mmgsim.engine.model import MultiMicrogridModel, build, load_variant
from mmgsim.engine.named import NamedAgents
from mmgsim.engine.outlook import SeenOutlook
from mmgsim.engine.own_setup import OWN, SHED, OwnSetup
from mmgsim.engine.records import FlowStep, MicrogridStep, OwnStep
from mmgsim.engine.setup import Meters, MicrogridSetup, build_microgrids
from mmgsim.engine.tie_setup import tie_lines_of

__all__ = [
    "OWN",
    "SHED",
    "Addressee",
    "Checkpoint",
    "Clock",
    "Condition",
    "Conditions",
    "FlowStep",
    "Futures",
    "Line",
    "MessageBus",
    "Meters",
    "MicrogridSetup",
    "MicrogridStep",
    "MultiMicrogridModel",
    "NamedAgents",
    "OutOfTimeError",
    "OwnSetup",
    "OwnStep",
    "Quality",
    "Seat",
    "SeenOutlook",
    "SilenceError",
    "Traffic",
    "build",
    "build_microgrids",
    "check_kept",
    "fingerprint",
    "guarded",
    "load_variant",
    "packed",
    "read_checkpoint",
    "says_itself",
    "tie_lines_of",
    "unpacked",
    "write_checkpoint",
]
