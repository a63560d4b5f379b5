"""From a source in a scenario to the values of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmgsim.profiles.index import TimeIndex
from mmgsim.profiles.load import make_load
from mmgsim.profiles.measured import make_measured
from mmgsim.profiles.price import make_price
from mmgsim.profiles.pv import make_pv
from mmgsim.profiles.series import Series, Unit
from mmgsim.profiles.simbench import make_simbench
from mmgsim.profiles.sources import (
    AnySource,
    CsvSource,
    DemandlibSource,
    PriceSource,
    PvlibSource,
    SimbenchSource,
    Tmy3Source,
    WindSource,
)
from mmgsim.profiles.tmy import make_tmy
from mmgsim.profiles.wind import make_wind

__all__ = ["make_series"]


def make_series(
    source: AnySource,
    index: TimeIndex,
    *,
    seed: int,
    name: str,
    folder: Path | None = None,
    lead_days: int = 0,
) -> Series:
    """Make the values of a source over the steps of a run.

    The value at an instant depends on the source, the seed, the name, the time zone, the step and
    the instant, never on where the index starts or how long it is: a window cut out of a long run
    and a run of that window alone see the same world.

    Parameters
    ----------
    source : AnySource
        What to make.
    index : TimeIndex
        The steps wanted.
    seed : int
        Root seed of the run.
    name : str
        Who the series is for, for example ``"MG2.civic"``: key of its random stream.
    folder : Path, optional
        Folder of the scenario, to which files are relative.
    lead_days : int
        How many days of `index` lie before the run's first, for messages.

    Returns
    -------
    Series
        Values with unit, label and description.

    Raises
    ------
    SeriesError
        If a file cannot serve, with every fault of it.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> hours = TimeIndex(datetime(2021, 1, 1, tzinfo=UTC), 1.0, 3, "Australia/Perth")
    >>> price = ConstantSource(source="constant", value=0.05)
    >>> make_series(price, hours, seed=1, name="tariff.export").values.tolist()
    [0.05, 0.05, 0.05]
    """
    if isinstance(source, PvlibSource):
        return make_pv(source, index, seed=seed)
    if isinstance(source, Tmy3Source):
        return make_tmy(source, index)
    if isinstance(source, WindSource):
        return make_wind(source, index, seed=seed, name=name)
    if isinstance(source, DemandlibSource):
        return make_load(source, index, seed=seed, name=name)
    if isinstance(source, SimbenchSource):
        return make_simbench(source, index)
    if isinstance(source, PriceSource):
        return make_price(source, index, seed=seed)
    if isinstance(source, CsvSource):
        return make_measured(source, index, folder=folder, lead_days=lead_days)
    return Series(
        values=np.full(index.steps, source.value),
        unit=Unit.AS_GIVEN,
        label=source.label,
        description=f"constant {source.value:g}",
    )
