"""The oracle: one window of a scenario folder as arrays for highspy.

It reads the YAML and CSV files on its own and shares no line with mmgsim, so that a mistake would
have to be made twice, in two ways of writing, to stay unseen. Objective `members`, no network.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import highspy
import numpy as np
import yaml

from tests.oracle.visitors import Visitor, add_visitor, read_visitors

INFINITY = highspy.kHighsInf
BOTH_KW = 1e-7
"""Above this, charging while discharging is a way to cheat and not rounding."""
TANGENTS = 21
"""As many as the product has: only then are the costs comparable to the last digit."""
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


# ------------------------------------------------------------------------------------- reading
@dataclass(frozen=True)
class Storage:
    """A battery: capacity, least energy, first energy [kWh], power [kW], efficiency, wear."""

    full_kwh: float
    least_kwh: float
    start_kwh: float
    power_kw: float
    efficiency: float
    wear: float


@dataclass(frozen=True)
class Engine:
    """A diesel unit: limits, ramp and first power [kW], costs of an hour, of a start."""

    least_kw: float
    most_kw: float
    ramp_kw: float
    start_kw: float
    linear: float
    quadratic: float
    idle: float
    ignition: float


@dataclass(frozen=True)
class Site:
    """A microgrid: loads as (demand, shedding price), plants as available power, what it stores.

    The limits of the exchange are arrays over all steps of the case. [kW]
    """

    name: str
    loads: tuple[tuple[np.ndarray, float], ...]
    plants: tuple[np.ndarray, ...]
    batteries: tuple[Storage, ...]
    engines: tuple[Engine, ...]
    visitors: tuple[Visitor, ...]
    import_kw: np.ndarray
    export_kw: np.ndarray


@dataclass(frozen=True)
class Case:
    """A scenario folder as numbers, from its first step to a horizon beyond its last."""

    step_h: float
    run_steps: int
    window: int
    buy: np.ndarray
    sell: np.ndarray
    local: np.ndarray
    ends: tuple[datetime, ...]
    sites: tuple[Site, ...]
    rule: str
    at: str
    level: float
    value: float


def minutes(text: str) -> int:
    """Give the minutes of 15min, 1h, 1d."""
    number, unit = re.fullmatch(r"\s*(\d+)\s*(min|h|d)\s*", str(text)).groups()
    return int(number) * {"min": 1, "h": 60, "d": 1440}[unit]


def read_case(folder: Path, *, days: int | None = None) -> Case:
    """Read a scenario folder; `days` replaces its own."""
    given = yaml.safe_load((folder / "scenario.yaml").read_text(encoding="utf-8"))
    zone = ZoneInfo(given["timezone"])
    gate = given.get("gate") or {}
    end = gate.get("end_of_window") or {}
    step = timedelta(minutes=minutes(_or(given.get("step"), "1h")))
    horizon = timedelta(minutes=minutes(_or(gate.get("horizon"), "1d")))
    days = days or given["days"]
    begin, finish = (_midnight(given["start"], k, zone) for k in (0, days))
    run_steps, window = round((finish - begin) / step), round(horizon / step)
    starts = [begin + k * step for k in range(run_steps + window)]
    clocks = [instant.astimezone(zone) for instant in starts]
    files = _Files(folder, zone, starts, step)
    tariff = given["tariff"]
    energy = files.series(tariff["import_per_kwh"])
    charge, local = _charges(tariff.get("network_charge") or {}, clocks)
    level = float(_or(end.get("level"), 0.5))
    case = Case(
        step_h=step / timedelta(hours=1),
        run_steps=run_steps,
        window=window,
        buy=energy + charge,
        sell=files.series(tariff["export_per_kwh"]),
        local=local,
        ends=tuple((instant + step).astimezone(zone) for instant in starts),
        sites=tuple(_site(entry, files, level) for entry in given["microgrids"]),
        rule=_or(end.get("kind"), "cyclic"),
        at=_or(end.get("at"), "00:00"),
        level=level,
        value=float(_or(end.get("value_per_kwh"), 0.0)),
    )
    if np.any(case.sell > case.buy):
        raise ValueError("selling above buying is not in the oracle")
    return case


def _or(given: Any, default: Any) -> Any:
    return default if given is None else given


def _midnight(first: Any, days: int, zone: ZoneInfo) -> datetime:
    day = first if isinstance(first, date) else date.fromisoformat(str(first))
    day += timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


class _Files:
    """The CSV files of a folder, brought to the steps of the case."""

    def __init__(
        self, folder: Path, zone: ZoneInfo, starts: list[datetime], step: timedelta
    ) -> None:
        self._folder, self._zone, self._starts, self._step = folder, zone, starts, step
        self.of_visits = (folder, zone, starts, step)
        self._rows: dict[str, list[dict[str, str]]] = {}
        self.step_h = step / timedelta(hours=1)

    def series(self, given: Any) -> np.ndarray:
        """Give a constant or a column: coarser values are held, finer ones averaged."""
        if isinstance(given, int | float):
            return np.full(len(self._starts), float(given))
        if given["source"] == "constant":
            return np.full(len(self._starts), float(given["value"]))
        if given["source"] != "csv":
            raise ValueError(f"freeze the scenario first: {given}")
        name = given["file"]
        if name not in self._rows:
            with (self._folder / name).open(encoding="utf-8", newline="") as text:
                self._rows[name] = list(csv.DictReader(text))
        stamp, column = given.get("time_column") or "time", given["column"]
        zone = ZoneInfo(given["timezone"]) if given.get("timezone") else self._zone
        values = {self._instant(row[stamp], zone): float(row[column]) for row in self._rows[name]}
        stamps = sorted(values)
        spacing = stamps[1] - stamps[0]
        fine = min(spacing, self._step)
        parts = round(self._step / fine)
        found = [
            [
                values[start + k * fine - (start + k * fine - stamps[0]) % spacing]
                for k in range(parts)
            ]
            for start in self._starts
        ]
        return np.array(found).mean(axis=1) * float(_or(given.get("scale"), 1.0))

    @staticmethod
    def _instant(text: str, zone: ZoneInfo) -> datetime:
        stamp = datetime.fromisoformat(text)
        return (stamp if stamp.tzinfo else stamp.replace(tzinfo=zone)).astimezone(UTC)


def _charges(given: dict[str, Any], clocks: list[datetime]) -> tuple[np.ndarray, np.ndarray]:
    """Give the network charge on import and on local purchase. [currency/kWh]"""
    off, on = (float(_or(given.get(f"{key}_peak_per_kwh"), 0.0)) for key in ("off", "on"))
    is_peak = np.array([_is_peak(given.get("on_peak"), clock) for clock in clocks])
    charge = np.where(is_peak, on, off)
    return charge, charge * float(_or(given.get("local_share"), 1.0))


def _is_peak(text: str | None, clock: datetime) -> bool:
    for part in (text or "").split(","):
        if not part.strip():
            continue
        days, hours = part.split()
        first, _, last = days.lower().partition("-")
        begin, end = WEEK.index(first), WEEK.index(last or first)
        is_in_week = [(k - begin) % 7 <= (end - begin) % 7 for k in range(7)]
        start, stop = (int(h[:-3]) * 60 + int(h[-2:]) for h in hours.split("-"))
        now, today = clock.hour * 60 + clock.minute, clock.weekday()
        if start < stop:
            if is_in_week[today] and start <= now < stop:
                return True
        elif (is_in_week[today] and now >= start) or (is_in_week[today - 1] and now < stop):
            return True
    return False


def _site(given: dict[str, Any], files: _Files, level: float) -> Site:
    loads, plants, batteries, engines, visitors = [], [], [], [], []
    draw = deliver = 0.0
    for device in given["devices"]:
        kind = device["kind"]
        if kind == "battery":
            size, power = float(device["energy_kwh"]), float(device["power_kw"])
            batteries.append(
                Storage(
                    full_kwh=size,
                    least_kwh=size * float(_or(device.get("level_min"), 0.0)),
                    start_kwh=size * float(_or(device.get("level_start"), level)),
                    power_kw=power,
                    efficiency=float(_or(device.get("efficiency"), 0.95)),
                    wear=float(_or(device.get("wear_per_kwh"), 0.0)),
                )
            )
            draw, deliver = draw + power, deliver + power
        elif kind == "load":
            demand = files.series(device["profile"])
            loads.append((demand, float(_or(device.get("shed_price_per_kwh"), 10.0))))
            draw += 1.5 * demand.max()
        elif kind in ("pv", "wind"):
            plants.append(files.series(device["profile"]))
            deliver += float(device["rating_kw"])
        elif kind == "diesel":
            ramp = _or(device.get("ramp_kw_per_h"), float(device["power_max_kw"]))
            engines.append(
                Engine(
                    least_kw=float(device["power_min_kw"]),
                    most_kw=float(device["power_max_kw"]),
                    ramp_kw=float(ramp) * files.step_h,
                    start_kw=float(_or(device.get("power_start_kw"), 0.0)),
                    linear=float(device["cost_per_kwh"]),
                    quadratic=float(_or(device.get("cost_per_kwh_kw"), 0.0)),
                    idle=float(_or(device.get("cost_per_h"), 0.0)),
                    ignition=float(_or(device.get("start_up_cost"), 0.0)),
                )
            )
            deliver += float(device["power_max_kw"])
        elif kind in ("ev", "flexible"):
            came = read_visitors(device, *files.of_visits)
            visitors += came
            draw += sum(one.charge_kw for one in came)
            deliver += sum(one.discharge_kw for one in came)
        else:
            raise ValueError(f"a device of kind {kind!r} is not in the oracle")
    limits = given.get("connection") or {}
    ones = np.ones(len(files.series(0.0)))
    return Site(
        name=given["name"],
        loads=tuple(loads),
        plants=tuple(plants),
        batteries=tuple(batteries),
        engines=tuple(engines),
        visitors=tuple(visitors),
        import_kw=ones * float(_or(limits.get("import_limit_kw"), draw)),
        export_kw=ones * float(_or(limits.get("export_limit_kw"), deliver)),
    )


# ------------------------------------------------------------------------------------- solving
@dataclass(frozen=True)
class Answer:
    """The optimum of a program: cost, sum of absolute cost terms, values, whether it is a MILP."""

    cost: float
    gross: float
    values: np.ndarray
    is_integer: bool


@dataclass
class Program:
    """One LP, built row by row; a MILP where the LP would charge and discharge at once.

    Parameters
    ----------
    case : Case
        The scenario.
    sites : sequence of Site
        Who is in it.
    steps : int
        Length of the window, which begins with the first step.
    trades : bool
        True for a common pool, False for none.
    only_last : bool
        True to ask for the level at the end of the window only.
    """

    case: Case
    sites: tuple[Site, ...]
    steps: int
    trades: bool
    only_last: bool = False
    cost: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    integer: list[bool] = field(default_factory=list)
    rows: list[tuple[float, float, list[tuple[int, float]]]] = field(default_factory=list)
    pairs: list[tuple[np.ndarray, np.ndarray, float]] = field(default_factory=list)
    sold: list[np.ndarray] = field(default_factory=list)
    bought: list[np.ndarray] = field(default_factory=list)
    exchange: list[list[tuple[int, float]]] = field(default_factory=list)
    power: list[tuple[Engine, np.ndarray]] = field(default_factory=list)
    pool_row: int = -1

    def __post_init__(self) -> None:
        """Write columns and rows."""
        for site in self.sites:
            self._add_site(site)
        if self.trades:
            self.pool_row = len(self.rows)
            for t in range(self.steps):
                terms = [(s[t], 1.0) for s in self.sold] + [(b[t], -1.0) for b in self.bought]
                self.rows.append((0.0, 0.0, terms))

    def _columns(self, low: Any, high: Any, cost: Any = 0.0, *, integer: bool = False) -> Any:
        """Add a column for every step and give their numbers."""
        first, n = len(self.cost), self.steps
        for target, values in ((self.low, low), (self.high, high), (self.cost, cost)):
            target.extend(np.broadcast_to(np.asarray(values, dtype=float), (n,)).tolist())
        self.integer.extend([integer] * n)
        return np.arange(first, first + n)

    def _add_site(self, site: Site) -> None:
        case, n, h = self.case, self.steps, self.case.step_h
        into = self._columns(0.0, INFINITY, h * case.buy[:n])
        out = self._columns(0.0, INFINITY, -h * case.sell[:n])
        beyond = [(out, 1.0), (into, -1.0)]
        if self.trades:
            self.sold.append(self._columns(0.0, INFINITY))
            self.bought.append(self._columns(0.0, INFINITY, h * case.local[:n]))
            beyond += [(self.sold[-1], 1.0), (self.bought[-1], -1.0)]
        behind: list[tuple[np.ndarray, float]] = []
        demand = np.zeros(n)
        for wanted, price in site.loads:
            demand += wanted[:n]
            behind.append((self._columns(0.0, wanted[:n], h * price), 1.0))
        behind += [(self._columns(0.0, available[:n]), 1.0) for available in site.plants]
        for battery in site.batteries:
            behind += self._add_battery(battery)
        for engine in site.engines:
            behind += self._add_engine(engine)
        for visitor in site.visitors:
            behind += add_visitor(self, visitor)
        for t in range(n):
            exchange = [(column[t], sign) for column, sign in beyond]
            inside = [(column[t], -sign) for column, sign in behind]
            self.rows.append((-demand[t], -demand[t], exchange + inside))
            self.rows.append((-site.import_kw[t], site.export_kw[t], exchange))

    def _add_battery(self, battery: Storage) -> list[tuple[np.ndarray, float]]:
        case, n, h = self.case, self.steps, self.case.step_h
        low, high = self._levels(battery)
        worth = np.zeros(n)
        if case.rule == "value":
            worth[-1] = -case.value
        stored = self._columns(low, high, worth)
        charge = self._columns(0.0, battery.power_kw)
        discharge = self._columns(0.0, battery.power_kw, h * battery.wear)
        gain, drain = h * battery.efficiency, h / battery.efficiency
        for t in range(n):
            terms = [(stored[t], 1.0), (charge[t], -gain), (discharge[t], drain)]
            before = battery.start_kwh if t == 0 else 0.0
            terms += [(stored[t - 1], -1.0)] if t else []
            self.rows.append((before, before, terms))
        self.pairs.append((charge, discharge, battery.power_kw))
        return [(discharge, 1.0), (charge, -1.0)]

    def _add_engine(self, engine: Engine) -> list[tuple[np.ndarray, float]]:
        """Add power, on, start and stop, all three as integers, and the cost of the curve."""
        n, h = self.steps, self.case.step_h
        power = self._columns(0.0, engine.most_kw, h * engine.linear)
        on = self._columns(0.0, 1.0, h * engine.idle, integer=True)
        start = self._columns(0.0, 1.0, engine.ignition, integer=True)
        stop = self._columns(0.0, 1.0, integer=True)
        curve = self._columns(0.0, INFINITY, h * engine.quadratic)
        first = float(engine.start_kw > 0.0)
        jump, most = max(engine.ramp_kw, engine.least_kw), engine.most_kw
        for t in range(n):
            was, before = ([(on[t - 1], -1.0)], [(power[t - 1], -1.0)]) if t else ([], [])
            then, level = (0.0, 0.0) if t else (first, engine.start_kw)
            change = [(on[t], 1.0), (start[t], -1.0), (stop[t], 1.0), *was]
            self.rows.append((then, then, change))
            self.rows.append((-INFINITY, 1.0, [(start[t], 1.0), (stop[t], 1.0)]))
            self.rows.append((0.0, INFINITY, [(power[t], 1.0), (on[t], -engine.least_kw)]))
            self.rows.append((-INFINITY, 0.0, [(power[t], 1.0), (on[t], -most)]))
            # Climbs by its ramp, to `jump` at a start; falls by its ramp, from `jump` at a stop.
            up = [(power[t], 1.0), *before, (start[t], engine.ramp_kw - jump)]
            self.rows.append((-INFINITY, engine.ramp_kw + level, up))
            down = [(power[t], 1.0), *before, (stop[t], jump - engine.ramp_kw)]
            self.rows.append((level - engine.ramp_kw, INFINITY, down))
            for touch in np.linspace(engine.least_kw, most, TANGENTS):
                terms = [(curve[t], 1.0), (power[t], -2.0 * touch), (on[t], touch**2)]
                self.rows.append((0.0, INFINITY, terms))
        self.power.append((engine, power))
        return [(power, 1.0)]

    def understated(self, values: np.ndarray) -> float:
        """Give the most that tangents can lie below the curves of the engines. [currency]"""
        return sum(
            float((values[power] > 0.0).sum())
            * self.case.step_h
            * engine.quadratic
            * ((engine.most_kw - engine.least_kw) / (TANGENTS - 1) / 2.0) ** 2
            for engine, power in self.power
        )

    def _levels(self, battery: Storage) -> tuple[np.ndarray, np.ndarray]:
        """Give the limits of the energy; a level beyond what the power reaches moves nearer."""
        low = np.full(self.steps, battery.least_kwh)
        high = np.full(self.steps, battery.full_kwh)
        if self.case.rule != "cyclic":
            return low, high
        up = battery.power_kw * battery.efficiency * self.case.step_h
        down = battery.power_kw / battery.efficiency * self.case.step_h
        due = [t for t in range(self.steps) if f"{self.case.ends[t]:%H:%M}" == self.case.at]
        here, now = battery.start_kwh, 0
        for t in due[-1:] if self.only_last else due:
            wanted, lead = self.case.level * battery.full_kwh, t + 1 - now
            nearest = min(wanted, here + lead * up) if wanted > here else wanted
            nearest = max(nearest, here - lead * down)
            low[t] = high[t] = here = nearest
            now = t + 1
        return low, high

    def moved_levels(self) -> int:
        """Count the batteries whose level is out of reach somewhere in the window."""
        moved = 0
        for site in self.sites:
            for battery in site.batteries:
                low, high = self._levels(battery)
                is_off = np.abs(low - self.case.level * battery.full_kwh) > 1e-9
                moved += bool(np.any(is_off & (low == high)))
        return moved

    # --------------------------------------------------------------------------------- HiGHS
    def _model(self) -> highspy.Highs:
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self.cost), len(self.rows)
        lp.col_cost_ = np.array(self.cost)
        lp.col_lower_, lp.col_upper_ = np.array(self.low), np.array(self.high)
        lp.row_lower_ = np.array([row[0] for row in self.rows])
        lp.row_upper_ = np.array([row[1] for row in self.rows])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.cumsum([0, *(len(row[2]) for row in self.rows)])
        lp.a_matrix_.index_ = np.array([term[0] for row in self.rows for term in row[2]])
        lp.a_matrix_.value_ = np.array([term[1] for row in self.rows for term in row[2]])
        if any(self.integer):
            kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
            lp.integrality_ = [kinds[flag] for flag in self.integer]
        highs = highspy.Highs()
        highs.silent()
        for option, setting in (
            ("threads", 1),
            ("primal_feasibility_tolerance", 1e-9),
            ("dual_feasibility_tolerance", 1e-9),
            ("mip_feasibility_tolerance", 1e-9),
            ("mip_rel_gap", 1e-9),
            ("mip_abs_gap", 0.0),
        ):
            highs.setOptionValue(option, setting)
        highs.passModel(lp)
        return highs

    def solve(self) -> Answer:
        """Give the optimum, honest about storage."""
        values = _run(self._model())
        is_cheating = any(
            np.minimum(values[charge], values[discharge]).max() > BOTH_KW
            for charge, discharge, _ in self.pairs
        )
        if is_cheating:
            values = _run(self._exclusive()._model())[: len(self.cost)]
        terms = np.array(self.cost) * values
        is_integer = is_cheating or any(self.integer)
        return Answer(float(terms.sum()), float(np.abs(terms).sum()), values, is_integer)

    def _exclusive(self) -> Program:
        """Give the same program in which a battery charges or discharges, never both."""
        other = Program(self.case, self.sites, self.steps, self.trades, self.only_last)
        for charge, discharge, power_kw in other.pairs:
            is_charging = other._columns(0.0, 1.0, integer=True)
            for t in range(other.steps):
                terms = [(charge[t], 1.0), (is_charging[t], -power_kw)]
                other.rows.append((-INFINITY, 0.0, terms))
                terms = [(discharge[t], 1.0), (is_charging[t], power_kw)]
                other.rows.append((-INFINITY, power_kw, terms))
        return other

    def price_intervals(self, at: list[int], shift_kw: float) -> dict[int, tuple[float, float]]:
        """Give left and right differences of the LP's cost for more demand in the pool.

        By convexity every dual of the pool lies between them, whatever the shift. [currency/kWh]
        """
        highs = self._model()
        _run(highs)
        cost = highs.getObjectiveValue()
        found = {}
        for t in at:
            sides = []
            for shift in (-shift_kw, shift_kw):
                highs.changeRowBounds(self.pool_row + t, shift, shift)
                _run(highs)
                change = highs.getObjectiveValue() - cost
                sides.append(change / (shift * self.case.step_h))
            highs.changeRowBounds(self.pool_row + t, 0.0, 0.0)
            found[t] = (sides[0], sides[1])
        return found


def _run(highs: highspy.Highs) -> np.ndarray:
    highs.run()
    status = highs.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"the oracle ended {status}")
    return np.array(highs.getSolution().col_value)


def central(case: Case, *, steps: int | None = None, only_last: bool = False) -> Answer:
    """Give the optimum of all microgrids with a common pool."""
    return Program(case, case.sites, steps or case.window, True, only_last).solve()


def isolated(case: Case, *, steps: int | None = None, only_last: bool = False) -> Answer:
    """Give the sum of the microgrids' own optima, each alone with the grid."""
    answers = [
        Program(case, (site,), steps or case.window, False, only_last).solve()
        for site in case.sites
    ]
    return Answer(
        cost=sum(answer.cost for answer in answers),
        gross=sum(answer.gross for answer in answers),
        values=np.concatenate([answer.values for answer in answers]),
        is_integer=any(answer.is_integer for answer in answers),
    )


def with_limits(case: Case, limits: dict[str, tuple[np.ndarray, np.ndarray]]) -> Case:
    """Give a case with other limits of import and export over its first window. [kW]"""
    sites = tuple(
        replace(site, import_kw=limits[site.name][0], export_kw=limits[site.name][1])
        for site in case.sites
    )
    return replace(case, sites=sites)
