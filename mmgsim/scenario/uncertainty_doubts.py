"""What of `uncertainty:` can be run but is seldom meant."""

from __future__ import annotations

from collections.abc import Iterator

from mmgsim.errors import Fault
from mmgsim.scenario.inputs import Inputs
from mmgsim.scenario.schema import Scenario
from mmgsim.scenario.uncertainty_schema import UncertaintyConfig
from mmgsim.uncertainty import Ahead, BetaSpread

__all__ = ["uncertainty_doubts"]

_LOST = 0.1
"""Part of the sun of a device that may be cut at its rating before that is told."""
_NAMES = {"load": "load", "pv": "PV plant", "wind": "wind turbine"}


def uncertainty_doubts(scenario: Scenario, inputs: Inputs) -> Iterator[Fault]:
    """Doubt forecasts that do not go with what is uncertain, and distributions without effect."""
    told = scenario.uncertainty
    is_uncertain = bool(inputs.spreads.device_kw) or inputs.spreads.price is not None
    yield from _forecast_doubts(scenario.forecast.kind, told, is_uncertain=is_uncertain)
    if told is None:
        return
    kinds = {device.kind for microgrid in scenario.microgrids for device in microgrid.devices}
    for kind, name in _NAMES.items():
        if told.of_kind(kind) is not None and kind not in kinds:
            yield Fault(f"uncertainty.{kind}", f"there is no {name}", "leave it out, unless meant")
    network = scenario.network
    if told.background is not None and network is None:
        yield Fault("uncertainty.background", "there is no network", "leave it out, unless meant")
    elif told.background is not None and network is not None and network.background.scale == 0.0:
        what = "there is no background load: network.background.scale is 0"
        yield Fault("uncertainty.background", what, "leave it out, unless meant")
    if not is_uncertain and told.background is None:
        yield Fault("uncertainty", "makes nothing uncertain", "say how load, pv or wind are spread")
    yield from _cut_doubts(inputs)


def _forecast_doubts(
    forecast: str, told: UncertaintyConfig | None, *, is_uncertain: bool
) -> Iterator[Fault]:
    if forecast == "expected" and not is_uncertain:
        what = "'expected' is the truth, as nothing is uncertain"
        yield Fault("forecast.kind", what, "add uncertainty, or write perfect")
    if told is None or told.future is None or not is_uncertain:
        return
    if forecast == "perfect":
        what = f"'perfect' knows future {told.future} before it comes true (wait-and-see)"
        yield Fault("forecast.kind", what, "use expected, unless meant")
    if forecast == "noise":
        what = "'noise' adds errors of its own, of another kind than `uncertainty` says"
        yield Fault("forecast.kind", what, "use expected, unless meant")


def _cut_doubts(inputs: Inputs) -> Iterator[Fault]:
    """Doubt a mean share so small that a clear sky would give far more than the rating."""
    part = slice(inputs.lead_steps, inputs.lead_steps + inputs.run_steps)
    for (microgrid, device), spread in inputs.spreads.device_kw.items():
        if not isinstance(spread, BetaSpread):
            continue
        stated_kw = float(spread.series[part].sum())
        mean_kw = float(Ahead(spread, part, 0.0, 0.0, None).expected().sum())
        if mean_kw < (1.0 - _LOST) * stated_kw:
            lost = 1.0 - mean_kw / stated_kw
            yield Fault(
                "uncertainty.pv.mean",
                f"{microgrid}.{device} has {lost:.0%} less than its series on average: the series "
                f"over {spread.mean:g} is cut at rating_kw",
                "raise mean",
            )
