"""What a run carries from one day into the next, written so that it can go on from there.

After the last step of every day everything that plug-ins keep outside what they declare as memory
is dropped, in runs that are never interrupted too (`Seat.renew`). What remains is small and written
whole or not at all, so a run that goes on from it gives the values of one that never stopped.
"""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.errors import CheckpointError
from mmgsim.scenario import Inputs
from mmgsim.tables import write_bytes

__all__ = [
    "Checkpoint",
    "check_kept",
    "fingerprint",
    "packed",
    "read_checkpoint",
    "unpacked",
    "write_checkpoint",
]

FORMAT = 6
FILE = "checkpoint.bin"

_TO_KEEP = "keep numbers, text, arrays, lists and dicts in `memory`"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The end of a simulated day.

    Parameters
    ----------
    steps : int
        Simulated so far.
    parts : int
        Of every table, written so far.
    wall_s : float
        Spent so far. [s]
    inputs_sha256 : str
        Of all series that the run may have looked at; see `fingerprint`.
    input_steps : int
        How many steps of the series that are.
    outside_sha256 : mapping
        Of what else it may have looked at, by its place in the scenario: network, files in options.
    keeps_payloads : bool
        Whether what was said is kept in the tables.
    state : bytes
        What the model carries on, packed.
    """

    steps: int
    parts: int
    wall_s: float
    inputs_sha256: str
    input_steps: int
    outside_sha256: dict[str, str]
    keeps_payloads: bool
    state: bytes


def fingerprint(inputs: Inputs, steps: int) -> str:
    """Give the sha256 of the first steps of all series of a run."""
    series: list[FloatArray] = [
        inputs.import_per_kwh,
        inputs.export_per_kwh,
        inputs.upstream_per_kwh,
        inputs.network_charge_per_kwh,
        inputs.background,
        *inputs.device_kw.values(),
        *_spread_out(inputs),
    ]
    found = sha256()
    for values in series:
        found.update(np.ascontiguousarray(values[:steps], dtype=np.float64).tobytes())
    return found.hexdigest()


def _spread_out(inputs: Inputs) -> list[FloatArray]:
    """Give values of all uncertain series at some scores: residuals come from files, too."""
    everywhere = slice(0, inputs.index.steps)
    scores = [np.full(inputs.index.steps, score) for score in (-1.5, 0.0, 1.5)]
    spreads = inputs.spreads.device_kw.values()
    return [spread.values(score, everywhere) for spread in spreads for score in scores]


# ---------------------------------------------------------------------------------- the file
def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in place of the last one, whole or not at all."""
    fields = {key: getattr(checkpoint, key) for key in checkpoint.__slots__ if key != "state"}
    header = json.dumps({"format": FORMAT, **fields}).encode()
    write_bytes(folder / FILE, header + b"\n" + checkpoint.state)


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """Give the checkpoint of a result folder; None where no day was finished.

    Raises
    ------
    CheckpointError
        If it was written by another version, or is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    head, _, body = path.read_bytes().partition(b"\n")
    try:
        header = json.loads(head)
        if header.pop("format") != FORMAT:
            raise CheckpointError(
                f"{path} was written by another version of mmgsim; finish it with that one"
            )
        return Checkpoint(state=body, **header)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error


# ---------------------------------------------------------------------------------- the state
def packed(state: Any) -> bytes:
    """Give a state as bytes.

    Raises
    ------
    CheckpointError
        If something that a plug-in wants to keep cannot be written.
    """
    buffer = io.BytesIO()
    try:
        _Pickler(buffer, protocol=5).dump(state)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"the memory of a plug-in cannot be written ({error}); {_TO_KEEP}"
        ) from error
    return buffer.getvalue()


def unpacked(state: bytes) -> Any:
    """Give back what was packed. It is a pickle: only for what you, or people you trust, wrote.

    Raises
    ------
    CheckpointError
        If it is damaged, or the plug-in that it came from is gone.
    """
    try:
        return pickle.loads(state)
    except (ImportError, AttributeError) as error:
        raise CheckpointError(
            f"the checkpoint holds something that is no longer there: {error}; "
            "bring back the plug-in that the run was made with"
        ) from error
    except Exception as error:
        raise CheckpointError(f"the checkpoint is damaged: {error}") from error


def check_kept(thing: Any) -> None:
    """Check that what a plug-in wants to keep comes back at the end of a day.

    Raises
    ------
    CheckpointError
        If it cannot be written, or not be read again.
    """
    state = packed(thing)
    try:
        pickle.loads(state)
    except Exception as error:
        raise CheckpointError(
            f"the memory of a plug-in cannot be read again ({error}); {_TO_KEEP}"
        ) from error


class _Pickler(pickle.Pickler):
    """Pickles read-only arrays and mappings so that they are read-only again."""

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, MappingProxyType):
            return _mapping, (dict(thing),)
        if type(thing) is np.ndarray and not thing.flags.writeable:
            return _read_only, (thing.tobytes(), thing.dtype.str, thing.shape)
        return NotImplemented


def _read_only(content: bytes, kind: str, shape: tuple[int, ...]) -> Any:
    return np.ndarray(shape, dtype=kind, buffer=content)


def _mapping(values: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(values)
