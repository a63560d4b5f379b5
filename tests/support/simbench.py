"""Profiles of SimBench for tests."""

from datetime import date

import numpy as np

from mmgsim.profiles import SimbenchSource, TimeIndex, make_series


def profile_year(code: str, profile: str, first: str, days: int) -> np.ndarray:
    """Give a profile over whole days of the German clock, in quarter hours."""
    source = SimbenchSource(source="simbench", code=code, profile=profile)
    index = TimeIndex.of_local_days(
        date.fromisoformat(first), days, step_h=0.25, timezone="Europe/Berlin"
    )
    return make_series(source, index, seed=0, name="any").values
