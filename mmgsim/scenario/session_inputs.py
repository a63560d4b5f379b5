"""The sessions of vehicles and flexible loads over a run, and what cannot be charged in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from pathlib import Path
from types import MappingProxyType

from mmgsim.contracts import Session
from mmgsim.errors import Fault
from mmgsim.profiles import (
    Label,
    SampledDay,
    TimeIndex,
    Visit,
    daily_visit,
    instant,
    overlapping,
    read_visits,
    sample_visit,
    session_of,
    stream,
)
from mmgsim.scenario.schema import MicrogridConfig, Scenario
from mmgsim.scenario.session_checks import enough, is_sound
from mmgsim.scenario.session_schema import (
    CsvSessions,
    DailySessions,
    EvConfig,
    FlexibleConfig,
    ListedSessions,
    SampledSessions,
)

__all__ = ["SessionInputs", "read_sessions"]

_ROUNDING_KWH = 1e-6
_SHOWN = 50
"""How many sessions of one fleet are named; the rest are counted."""
_ORIGIN = MappingProxyType(
    {
        "sampled": "drawn from assumed shares of arrival and departure hours",
        "daily": "the same stays every day",
        "listed": "stays listed in the scenario",
    }
)


@dataclass(frozen=True, slots=True)
class SessionInputs:
    """All sessions of a scenario.

    Parameters
    ----------
    sessions : mapping
        By microgrid and vehicle or flexible load, in order, in steps of the run.
    origins : tuple of (str, Label, str)
        Of every fleet: its place in the scenario, how real its sessions are, where they are from.
    faults : tuple of Fault
        Stays that overlap or are impossible, and what cannot be charged where that is refused.
    """

    sessions: Mapping[tuple[str, str], tuple[Session, ...]]
    origins: tuple[tuple[str, Label, str], ...] = ()
    faults: tuple[Fault, ...] = ()


def read_sessions(scenario: Scenario, folder: Path | None, run: TimeIndex) -> SessionInputs:
    """Give the sessions of all vehicles and flexible loads.

    Parameters
    ----------
    scenario : Scenario
        Checked scenario.
    folder : Path or None
        Where its CSV files are.
    run : TimeIndex
        From the run's first step to the end of its last window.
    """
    sessions: dict[tuple[str, str], tuple[Session, ...]] = {}
    origins: list[tuple[str, Label, str]] = []
    faults: list[Fault] = []
    for microgrid in scenario.microgrids:
        for device in microgrid.devices:
            if not isinstance(device, EvConfig | FlexibleConfig):
                continue
            if not is_sound(device, scenario.step):
                continue  # said where its keys are checked
            if isinstance(device, FlexibleConfig):
                sessions[microgrid.name, device.name] = _flexible(device, run)
                continue
            fleet = _Fleet(scenario, microgrid, device, folder, run)
            sessions |= {(microgrid.name, name): s for name, s in fleet.sessions().items()}
            origins.append((fleet.where, *fleet.origin()))
            faults += fleet.faults()
    return SessionInputs(MappingProxyType(sessions), tuple(origins), tuple(faults))


def _clock(text: str) -> time:
    return time.fromisoformat(text)


def _days(run: TimeIndex) -> Iterator[date]:
    """Give the local days on which a stay that the run sees may begin."""
    first = run.local()[0].date()
    last = run.local()[-1].date()
    for offset in range(-2, (last - first).days + 2):
        yield first + timedelta(days=offset)


def _flexible(device: FlexibleConfig, run: TimeIndex) -> tuple[Session, ...]:
    visits = [
        daily_visit(
            day,
            _clock(device.start),
            _clock(device.end),
            timezone=run.timezone,
            energies_kwh=(0.0, device.energy_kwh),
        )
        for day in _days(run)
    ]
    return _sessions(visits, run, device.power_kw * run.step_h)


def _sessions(
    visits: list[Visit], run: TimeIndex, charged_kwh_per_step: float
) -> tuple[Session, ...]:
    """Give the sessions of one store that begin before the last window ends."""
    found = (session_of(one, run, charged_kwh_per_step=charged_kwh_per_step) for one in visits)
    seen = [one for one in found if one is not None and one.first_step < run.steps]
    return tuple(sorted(seen, key=lambda one: one.first_step))


class _Fleet:
    """The stays of one fleet, and what is wrong with them."""

    def __init__(
        self,
        scenario: Scenario,
        microgrid: MicrogridConfig,
        device: EvConfig,
        folder: Path | None,
        run: TimeIndex,
    ) -> None:
        self._device, self._run = device, run
        self.where = f"microgrids.{microgrid.name}.devices.{device.name}.sessions"
        self._said: list[Fault] = []
        self._visits = list(self._read(scenario, microgrid.name, folder))

    def _read(self, scenario: Scenario, microgrid: str, folder: Path | None) -> Iterator[Visit]:
        device, source, zone = self._device, self._device.sessions, self._run.timezone
        wanted_kwh = device.level_wanted * device.energy_kwh
        if isinstance(source, CsvSessions):
            visits, faults = read_visits((folder or Path()) / source.file, zone)
            self._said += [
                replace(f, where=f"{self.where}.file", what=f"{f.where}: {f.what}") for f in faults
            ]
            yield from visits
        elif isinstance(source, ListedSessions):
            for stay in source.stays:
                come, go = (
                    instant(one.date(), one.hour * 60 + one.minute, zone)
                    for one in (stay.arrival, stay.departure)
                )
                wants = wanted_kwh if stay.energy_wanted_kwh is None else stay.energy_wanted_kwh
                yield Visit(stay.vehicle, come, go, stay.energy_arrival_kwh, wants)
        else:
            for vehicle in range(1, device.vehicles + 1):
                for day in _days(self._run):
                    names = (microgrid, device.name, str(vehicle), day.isoformat())
                    visit = self._drawn(source, day, (scenario.seed, names), wanted_kwh)
                    yield replace(visit, vehicle=vehicle)

    def _drawn(
        self,
        source: SampledSessions | DailySessions,
        day: date,
        key: tuple[int, tuple[str, ...]],
        wanted_kwh: float,
    ) -> Visit:
        """Give the stay that begins on a day."""
        run, energy_kwh = self._run, self._device.energy_kwh
        arrival, departure = _clock(source.arrival), _clock(source.departure)
        if isinstance(source, DailySessions):
            energies = (source.level_arrival * energy_kwh, wanted_kwh)
            return daily_visit(
                day, arrival, departure, timezone=run.timezone, energies_kwh=energies
            )
        low_kwh, high_kwh = (
            level * energy_kwh for level in (source.level_arrival_min, source.level_arrival_max)
        )
        sampled = SampledDay(arrival, departure, low_kwh, high_kwh, wanted_kwh)
        seed, names = key
        return sample_visit(
            stream(seed, "sessions", *names),
            day,
            sampled,
            step_min=run.step_minutes,
            timezone=run.timezone,
        )

    def origin(self) -> tuple[Label, str]:
        """Give how real the stays are, and where they come from."""
        source = self._device.sessions
        if isinstance(source, CsvSessions):
            return source.label, f"stays from {source.file}"
        return Label.SYNTHETIC, _ORIGIN[source.source]

    def sessions(self) -> dict[str, tuple[Session, ...]]:
        """Give the sessions of each vehicle."""
        return {
            name: _sessions(
                [visit for visit in self._visits if visit.vehicle == number],
                self._run,
                self._charged_kwh,
            )
            for number, name in enumerate(self._device.device_names(), 1)
        }

    @property
    def _charged_kwh(self) -> float:
        """What full power stores in a step. [kWh]"""
        return self._device.efficiency * self._device.charge_kw * self._run.step_h

    # ------------------------------------------------------------------------------ faults
    def faults(self) -> Iterator[Fault]:
        """Give everything that is wrong with the stays."""
        found = [*self._said, *self._impossible()]
        if not found:
            found += self._unreachable()
        yield from found[:_SHOWN]
        if len(found) > _SHOWN:
            yield Fault(self.where, f"has {len(found) - _SHOWN} more faults of this kind")

    def _told(self, visit: Visit) -> str:
        """Name a stay by its vehicle and its local times."""
        zone = self._run.local().tz
        come, go = (at.astimezone(zone) for at in (visit.arrival, visit.departure))
        number = f" {visit.vehicle}" if self._device.vehicles > 1 else ""
        return f"vehicle{number} from {come:%Y-%m-%d %H:%M} to {go:%Y-%m-%d %H:%M}"

    def _impossible(self) -> Iterator[Fault]:
        """Refuse stays that end before they begin, hold too much, or overlap."""
        device = self._device
        most_kwh = device.level_max * device.energy_kwh
        for visit in self._visits:
            told = self._told(visit)
            if not 1 <= visit.vehicle <= device.vehicles:
                what = f"{told}: the fleet has vehicles 1 to {device.vehicles}"
                yield Fault(self.where, what, "raise `vehicles`, or mend the number")
            if visit.departure <= visit.arrival:
                yield Fault(self.where, f"{told}: ends before it begins", "swap the two times")
            for name, kwh in (("arrives with", visit.arrives_kwh), ("wants", visit.wanted_kwh)):
                if not 0.0 <= kwh <= most_kwh + _ROUNDING_KWH:
                    what = f"{told}: {name} {kwh:g} kWh, possible 0 to {most_kwh:g}"
                    yield Fault(self.where, what, "mend it, or raise energy_kwh or level_max")
        for first, second in overlapping(self._visits):
            what = f"{self._told(second)}: begins before {self._told(first)} has ended"
            yield Fault(self.where, what, "give another vehicle, or other times")

    def _unreachable(self) -> Iterator[Fault]:
        """Refuse what cannot be charged in time, where the scenario does not put a price on it."""
        device, run = self._device, self._run
        if device.unreachable == "price":
            return
        for visit in self._visits:
            session = session_of(visit, run, charged_kwh_per_step=self._charged_kwh)
            if session is None or session.first_step >= run.steps:
                continue
            steps, missing_kwh = session.steps, session.short_kwh(self._charged_kwh)
            if missing_kwh <= _ROUNDING_KWH:
                continue
            needed_kw = device.charge_kw * (1.0 + missing_kwh / (steps * self._charged_kwh))
            yield Fault(
                self.where,
                f"{self._told(visit)}: lacks {missing_kwh:.3g} of the {session.wanted_kwh:g} kWh "
                f"that it wants, at {device.charge_kw:g} kW in {steps * run.step_h:g} h",
                f"raise charge_kw to {enough(needed_kw)}, lower what it wants, or say "
                "`unreachable: price`",
            )
