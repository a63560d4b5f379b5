"""Where the files that come with the package are: in a wheel, or in the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mmgsim.errors import Fault
from mmgsim.profiles.series import SeriesError

__all__ = ["bundled_path"]


def bundled_path(kind: Literal["data", "scenarios"]) -> Path:
    """Give the folder of bundled data or scenarios.

    An installed wheel has them beside the modules; a working copy has them at its root.

    Parameters
    ----------
    kind : {"data", "scenarios"}
        Which folder.

    Raises
    ------
    SeriesError
        If neither place has the folder.
    """
    package = Path(__file__).resolve().parents[1]
    places = (package / "_bundled" / kind, package.parent / kind)
    for place in places:
        if place.is_dir():
            return place
    what = f"the bundled folder {kind!r} is in none of {', '.join(map(str, places))}"
    raise SeriesError("installation", [Fault(kind, what, "install mmgsim again")])
