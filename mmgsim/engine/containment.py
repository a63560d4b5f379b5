"""What happens when somebody else's class raises, hangs or breaks its contract.

Its place is taken by a stand-in until the next gate, the step is flagged, and the fault is written
down. The run goes on.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, Generic, TypeVar

from mmgsim.errors import ContractError, PlugInError
from mmgsim.scenario import comes_with_mmgsim

__all__ = ["PATIENCE", "Seat", "guarded", "says_itself"]

T = TypeVar("T", bound=tuple[Any, ...])

# After so many gates with faults in a row a plug-in is not asked again: one that hangs would hold
# up the rest of the run.
PATIENCE = 3


class _TimeUpError(BaseException):
    """A plug-in has taken too long. Not an Exception, so that it cannot catch it by mistake."""


class Seat(Generic[T]):
    """The place of a plug-in, and of its stand-in while the plug-in has failed.

    Parameters
    ----------
    make, make_stand_in : callable
        Give either of them as new: a tuple, as a market and its mechanism belong together.
    """

    def __init__(self, make: Callable[[], T], make_stand_in: Callable[[], T]) -> None:
        self._make = make
        self._make_stand_in = make_stand_in
        self._plug_in = make()
        self._stand_in: T | None = None
        self._is_out = False
        self._has_failed = False
        self._failed_in_a_row = 0
        self._is_worn = False
        self._is_spoiled = False

    @property
    def now(self) -> T:
        """Who decides now."""
        if not self._is_out:
            return self._plug_in
        if self._stand_in is None:
            self._stand_in = self._make_stand_in()
        return self._stand_in

    @property
    def flags(self) -> tuple[str, ...]:
        """What is out of the ordinary about who decides."""
        return ("stand_in",) if self._is_out else ()

    def open_gate(self) -> None:
        """Give the plug-in another chance, unless it is worn or has had enough of them."""
        self._failed_in_a_row = self._failed_in_a_row + 1 if self._has_failed else 0
        self._has_failed = False
        self._is_out = self._failed_in_a_row >= PATIENCE
        if self._is_out:
            self._failed_in_a_row = PATIENCE
            self._has_failed = True
        self._is_out = self._is_out or self._is_worn

    def fall_back(self) -> bool:
        """Have the stand-in decide from now on; False where it does already."""
        was_out, self._is_out = self._is_out, True
        # Whoever fails in the middle of something may be left with half of it.
        self._has_failed = self._is_spoiled = True
        return not was_out

    def renew(self, who: str, seconds: float, *, failed_only: bool) -> None:
        """Have the plug-in as new; if that fails, it is out until the end of the day.

        Parameters
        ----------
        who : str
            Whose it is, for messages.
        seconds : float
            How long it may take.
        failed_only : bool
            Leave one alone that has not failed since it was new.

        Raises
        ------
        ContractError, PlugInError
            If it fails.
        """
        if failed_only and not self._is_spoiled:
            return
        resets = not self._is_spoiled and not self._is_worn and _resets_itself(self._plug_in)
        has_failed, self._has_failed = self._has_failed, True
        self._is_worn, self._is_spoiled, self._stand_in = True, False, None
        with guarded(who, "being made as new", None, seconds):
            if resets:
                for plug_in in self._plug_in:
                    plug_in.reset()
            else:
                self._plug_in = self._make()
        self._is_worn, self._has_failed = False, has_failed

    def carried(self) -> dict[str, Any]:
        """Give what goes on from one day into the next."""
        return {
            "is_worn": self._is_worn,
            "is_out": self._is_out,
            "has_failed": self._has_failed,
            "failed_in_a_row": self._failed_in_a_row,
        }

    def take_over(self, carried: Mapping[str, Any]) -> None:
        """Go on from what was carried; the plug-in is as new."""
        self._is_worn, self._has_failed = carried["is_worn"], carried["has_failed"]
        self._is_out = carried["is_out"] or self._is_worn
        self._failed_in_a_row = carried["failed_in_a_row"]


def says_itself(plug_in: Any, name: str) -> bool:
    """Tell whether its own class, and not one that it is built on, has an attribute."""
    return name in vars(type(plug_in)) or comes_with_mmgsim(type(plug_in))


def _resets_itself(plug_ins: tuple[Any, ...]) -> bool:
    """Tell whether all have a `reset` that knows all of them: not one that their base has."""
    return all(hasattr(x, "reset") and says_itself(x, "reset") for x in plug_ins)


@contextmanager
def guarded(
    who: str, doing: str, plug_in: Any, seconds: float, *, may_blame: Collection[str] = ()
) -> Iterator[None]:
    """Turn whatever a plug-in raises, and its taking too long, into one kind of error.

    Parameters
    ----------
    who, doing : str
        Whose it is and what it was asked to do, for messages.
    plug_in : Any
        The plug-in; those that come with mmgsim are not timed: what they solve may take as long
        as it takes.
    seconds : float
        How long it may take. Kept where the system has interval timers, in the main thread.
    may_blame : collection of str
        Who else may have broken a contract, as far as the plug-in can tell.

    Raises
    ------
    PlugInError
        For everything but a broken contract, which goes on as it is.
    """
    try:
        with _time_limit(None if comes_with_mmgsim(type(plug_in)) else seconds):
            yield
    except ContractError as error:
        if error.agent == who or error.agent in may_blame:
            raise
        raise PlugInError(who, doing, error) from error
    except _TimeUpError as error:
        cause = TimeoutError(f"took longer than {seconds:g} s")
        raise PlugInError(who, doing, cause) from error
    except (Exception, SystemExit, GeneratorExit) as error:
        raise PlugInError(who, doing, error) from error


@contextmanager
def _time_limit(seconds: float | None) -> Iterator[None]:
    is_main = threading.current_thread() is threading.main_thread()
    if seconds is None or not is_main or not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, _raise_time_up)
    # Again and again, should the first one be caught all the same.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _raise_time_up(_number: int, _frame: FrameType | None) -> None:
    raise _TimeUpError
