"""What may come true in a scenario: numbered futures, and what is known of them along a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType

import numpy as np

from mmgsim.contracts import FloatArray, Window, frozen
from mmgsim.engine.outlook import SeenOutlook, Shocks
from mmgsim.profiles import normals_at
from mmgsim.scenario import Inputs, Scenario, UncertaintyConfig
from mmgsim.uncertainty import Ahead, Spread, joined, scores_at

__all__ = ["Futures"]

_LONG_AGO = datetime(1800, 1, 1, tzinfo=UTC)
"""Steps are counted from here, before the first that a scenario may have."""
_HOURS_PER_DAY = 24.0
_FACTORS = ("price factors",)
_BACKGROUND = ("background factors",)

DeviceKey = tuple[str, str]
"""Names of a microgrid and of a device in it."""


class Futures:
    """The possible courses of all series of a scenario.

    A future has a number, from 1. It hangs on the seed, its number, and the names of microgrids and
    devices: coordinations, forecasts and strategies all meet the same ones, another device changes
    none of the others, and a day is the same in a run of its own.

    Parameters
    ----------
    scenario : Scenario
        Says what is uncertain; nothing is where it has no `uncertainty`.
    inputs : Inputs
        Its series.

    Examples
    --------
    >>> from mmgsim.scenario import load_scenario, read_inputs
    >>> told = {"uncertainty": {"load": {"kind": "normal", "sd": 0.1}}}
    >>> loaded = load_scenario("duo", told)
    >>> futures = Futures(loaded.scenario, read_inputs(loaded.scenario, loaded.folder))
    >>> futures.device_kw(range(1, 101))["MG1", "homes"].shape
    (100, 24)
    """

    def __init__(self, scenario: Scenario, inputs: Inputs) -> None:
        self._inputs = inputs
        self._seed = scenario.seed
        self._told = scenario.uncertainty or UncertaintyConfig()
        self._future = self._told.future
        self._is_foreseen = scenario.forecast.kind == "perfect"
        self._kinds = {
            (microgrid.name, device.name): device.kind
            for microgrid in scenario.microgrids
            for device in microgrid.devices
        }
        step = timedelta(minutes=scenario.step)
        self._number = (inputs.index.start - _LONG_AGO) // step + inputs.lead_steps
        self._step_h = scenario.step_h
        self._true: dict[tuple[str, ...], FloatArray] = {}
        self._last_shown: dict[DeviceKey, np.ndarray] = {}

    @property
    def true_future(self) -> int | None:
        """Number of the future that comes true; None where the series themselves do."""
        return self._future

    def with_true(self, future: int | None) -> Futures:
        """Give the same futures, of which another one comes true; the series, where it is none."""
        other = copy(self)
        other._future, other._true = future, {}
        return other

    @property
    def seed(self) -> int:
        """Of the scenario."""
        return self._seed

    @property
    def lead_steps(self) -> int:
        """Position of the run's first step in `Inputs`."""
        return self._inputs.lead_steps

    @property
    def is_uncertain(self) -> bool:
        """Whether anything is."""
        return bool(self._inputs.spreads.device_kw) or self._inputs.spreads.price is not None

    # ------------------------------------------------------------------------ whole futures
    def device_kw(
        self, futures: Sequence[int], *, first_step: int = 0, steps: int | None = None
    ) -> Mapping[DeviceKey, FloatArray]:
        """Give demand or available power of every device that has a series, as it comes true.

        Parameters
        ----------
        futures : sequence of int
            Their numbers, from 1.
        first_step, steps : int
            Part of the run, by default all of it; it may reach over the horizon behind it.

        Returns
        -------
        mapping of (futures, steps) arrays
            By names of microgrid and device. To the last bit what a run with that `future` has.
            [kW]
        """
        part = self._part(first_step, steps)
        shape = (len(futures), part.stop - part.start)
        found = {
            key: np.broadcast_to(series_kw[part], shape)
            for key, series_kw in self._inputs.device_kw.items()
        }
        common: dict[str, FloatArray] = {}
        for key, spread in self._inputs.spreads.device_kw.items():
            kind = self._kinds[key]
            if kind not in common:
                common[kind] = self._scores((kind,), futures, part)
            own = self._scores((kind, *key), futures, part)
            found[key] = spread.values(joined(common[kind], own, self._between(kind)), part)
        for values in found.values():
            values.flags.writeable = False
        return MappingProxyType(found)

    def price_factors(
        self, futures: Sequence[int], *, first_step: int = 0, steps: int | None = None
    ) -> FloatArray:
        """Give by what all energy prices are multiplied as they come true; ones if certain.

        Parameters are those of `device_kw`; the result is a (futures, steps) array.
        """
        return self._factors("price", futures, self._part(first_step, steps))

    def background_factors(
        self, futures: Sequence[int], *, first_step: int = 0, steps: int | None = None
    ) -> FloatArray:
        """Give by what the background load is multiplied as it comes true; ones if certain.

        Parameters are those of `device_kw`; the result is a (futures, steps) array.
        """
        return self._factors("background", futures, self._part(first_step, steps))

    def true_kw(self) -> Mapping[DeviceKey, FloatArray]:
        """Give what comes true in a run, in the positions of `Inputs`. [kW]"""
        if self.true_future is None:
            return self._inputs.device_kw
        found = self.device_kw([self.true_future], first_step=-self.lead_steps, steps=self._all)
        return MappingProxyType({key: frozen(values[0]) for key, values in found.items()})

    def true_price_factors(self) -> FloatArray:
        """Give by what prices are multiplied in a run, in the positions of `Inputs`."""
        return self._true_factors

    def true_background_factors(self) -> FloatArray:
        """Give by what the background is multiplied in a run, in the positions of `Inputs`."""
        return self._kept(_BACKGROUND, self.background_factors)

    # ------------------------------------------------------------------- as a run goes on
    def ahead(self, microgrid: str, window: Window) -> Mapping[str, Ahead]:
        """Give the distribution of what is uncertain in a microgrid, before a window begins.

        What came true in all steps of the run before it has been seen, by whoever it belongs to.
        """
        part = self._part(window.first_step, window.steps)
        return {
            key[1]: self._ahead(key, spread, part)
            for key, spread in self._inputs.spreads.device_kw.items()
            if key[0] == microgrid
        }

    def price_ahead(self, window: Window) -> Ahead | None:
        """Give the distribution of the factor of prices; that of the first step is known."""
        spread = self._inputs.spreads.price
        if spread is None or self._told.price is None:
            return None
        part = self._part(window.first_step, window.steps)
        score = 0.0
        if self.true_future is not None:
            score = float(self._true_scores(("price",))[part.start])
        return Ahead(spread, part, self._lag1("price"), score, 0)

    def published_factors(self, window: Window) -> FloatArray:
        """Give by what prices are multiplied before a window is published.

        That of the present step is as it comes true, those ahead are means; all come true where
        forecasts are perfect. (steps,) array.
        """
        part = self._part(window.first_step, window.steps)
        if self.true_future is None or self._inputs.spreads.price is None:
            return np.ones(window.steps)
        true = self._true_factors[part]
        ahead = self.price_ahead(window)
        if self._is_foreseen or ahead is None:
            return true
        return np.concatenate([true[:1], ahead.expected()[1:]])

    def outlook(
        self, microgrid: str, window: Window, forecast_kw: Mapping[str, FloatArray]
    ) -> SeenOutlook:
        """Give what a microgrid knows before a window begins, without what comes true in it.

        Parameters
        ----------
        microgrid : str
            Whose outlook it is.
        window : Window
            The steps ahead.
        forecast_kw : mapping of (steps,) arrays
            By device name: what is given where nothing is uncertain. [kW]
        """
        ahead = self.ahead(microgrid, window)
        kinds = {name: self._kinds[microgrid, name] for name in ahead}
        return SeenOutlook(
            microgrid=microgrid,
            steps=window.steps,
            forecast_kw=forecast_kw,
            ahead=ahead,
            between={name: (kind, self._between(kind)) for name, kind in kinds.items()},
            shocks=Shocks(self._seed, self._number + window.first_step),
            price=self.price_ahead(window),
            published=self.published_factors(window),
        )

    # ------------------------------------------------------------------------------ inside
    @property
    def _all(self) -> int:
        return self._inputs.index.steps

    def _part(self, first_step: int, steps: int | None) -> slice:
        """Give the positions of steps of the run in `Inputs`."""
        first = self.lead_steps + first_step
        count = self._inputs.run_steps if steps is None else steps
        if not 0 <= first < first + count <= self._all:
            raise ValueError(
                f"steps {first_step} to {first_step + count - 1} are not all in the run and its "
                "horizon"
            )
        return slice(first, first + count)

    def _between(self, kind: str) -> float:
        how = self._told.of_kind(kind)
        return 0.0 if how is None else how.between_sites

    def _lag1(self, kind: str) -> float:
        """Give the correlation of neighbouring steps."""
        shared = {"price": self._told.price, "background": self._told.background}
        how = shared[kind] if kind in shared else self._told.of_kind(kind)
        return 0.0 if how is None else float(how.lag1**self._step_h)

    def _scores(self, names: tuple[str, ...], futures: Sequence[int], part: slice) -> FloatArray:
        """Give a path of every future: of a kind alone, or of one device of it."""
        if any(future < 1 for future in futures):
            raise ValueError("futures are numbered from 1")
        drawn = partial(normals_at, self._seed, "future", *names, rows=list(futures))
        return scores_at(
            lambda first, count: drawn(first=first, count=count),
            first=self._number - self.lead_steps + part.start,
            steps=part.stop - part.start,
            lag1=self._lag1(names[0]),
            per_day=round(_HOURS_PER_DAY / self._step_h),
        )

    def _true_scores(self, names: tuple[str, ...]) -> FloatArray:
        """Give a path of the future that comes true, over all steps of `Inputs`."""
        if self.true_future is None:
            raise ValueError("no future comes true")
        if names not in self._true:
            self._true[names] = self._scores(names, [self.true_future], slice(0, self._all))[0]
        return self._true[names]

    @property
    def _true_factors(self) -> FloatArray:
        return self._kept(_FACTORS, self.price_factors)

    def _kept(self, names: tuple[str, ...], factors: Callable[..., FloatArray]) -> FloatArray:
        """Give factors of the future that comes true, ones where none does, over all steps."""
        if self.true_future is None:
            return frozen(np.ones(self._all))
        if names not in self._true:  # kept with the scores: `with_true` forgets both
            found = factors([self.true_future], first_step=-self.lead_steps, steps=self._all)
            self._true[names] = frozen(found[0])
        return self._true[names]

    def _factors(self, name: str, futures: Sequence[int], part: slice) -> FloatArray:
        """Give the factor that is the same for all, as it comes true; ones where it is certain."""
        spread: Spread | None = getattr(self._inputs.spreads, name)
        if spread is None:
            return np.ones((len(futures), part.stop - part.start))
        return spread.values(self._scores((name,), futures, part), part)

    def _ahead(self, key: DeviceKey, spread: Spread, part: slice) -> Ahead:
        kind = self._kinds[key]
        seen = self._seen(key, spread, part.start)
        if seen is None:
            return Ahead(spread, part, self._lag1(kind), 0.0, None)
        score = spread.own_score(seen)
        if self.true_future is not None:
            common, own = self._true_scores((kind,)), self._true_scores((kind, *key))
            score = float(joined(common[seen], own[seen], self._between(kind)))
        return Ahead(spread, part, self._lag1(kind), score, part.start - seen)

    def _seen(self, key: DeviceKey, spread: Spread, now: int) -> int | None:
        """Give the last position of the run before `now` whose value told its score."""
        if key not in self._last_shown:
            position = np.where(spread.shows, np.arange(self._all), -1)
            position[: self.lead_steps] = -1
            self._last_shown[key] = np.maximum.accumulate(position)
        last = int(self._last_shown[key][now - 1]) if now else -1
        return None if last < 0 else last
