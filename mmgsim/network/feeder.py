"""The feeder: one pandapower net with its background and the microgrids' connection points.

MW, Mvar and MVA live in this package only; everything that goes in or comes out is kW and kvar.
"""

from __future__ import annotations

import copy
import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandapower as pp
import pandapower.networks

from mmgsim.contracts import FloatArray, Member, frozen
from mmgsim.errors import Fault, ScenarioError, near_miss, ranges
from mmgsim.network.acpoint import AcSolver
from mmgsim.network.follows import Follows
from mmgsim.network.radial import RadialNet, radial_obstacles
from mmgsim.profiles import simbench_net
from mmgsim.profiles.cache import cached_object

__all__ = [
    "UNRATED_KA",
    "Background",
    "Feeder",
    "FeederLimits",
    "active_kw",
    "feeder_faults",
    "reactive_kvar",
    "read_net",
]

_KW_PER_MW = 1e3

UNRATED_KA = 9000.0
"""Ratings from here on are placeholders (case files write 99999), not ampacities. [kA]"""

# Elements whose equations the sensitivities do not carry; each is a table of the net.
_UNSUPPORTED = ("dcline", "xward", "svc", "tcsc", "ssc", "vsc", "line_dc", "load_dc", "source_dc")
_VOLTAGE_DEPENDENT = (
    "const_z_p_percent",
    "const_i_p_percent",
    "const_z_q_percent",
    "const_i_q_percent",
)


@dataclass(frozen=True, slots=True)
class FeederLimits:
    """Voltage limits of all buses. [pu]"""

    v_min_pu: float = 0.95
    v_max_pu: float = 1.05


@dataclass(frozen=True, slots=True)
class Background:
    """Customers that are not microgrids: how the loads of the case are taken over.

    Parameters
    ----------
    scale : float
        Share of the case's nominal loads at profile value 1.
    power_factor : float or None
        Inductive, in (0, 1]; replaces the case's reactive loads by ``q = p tan(acos(pf))``.
    profiles : tuple of str
        Names of the profiles that the elements follow, each its own, as in SimBench; if there are
        none, all loads follow one profile and nothing else does.
    without : frozenset of str
        Names of loads, sgens and storages that belong to microgrids: they are out of service.
    """

    scale: float = 1.0
    power_factor: float | None = None
    profiles: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()


# ------------------------------------------------------------------------------------ reading
def read_net(
    *, case: str | None = None, file: Path | None = None, simbench: str | None = None
) -> Any:
    """Give a pandapower net: by the name of a case, from a JSON file, or SimBench's.

    Stored power-flow options are removed (they would silently change the solver) and so are cost
    tables (they belong to pandapower's own optimal power flow, which is not used).

    Parameters
    ----------
    case : str or None
        Name of a function of `pandapower.networks` that needs no arguments, such as case33bw.
    file : pathlib.Path or None
        Written by `pandapower.to_json`.
    simbench : str or None
        Code of a SimBench grid that the installed package knows.

    Raises
    ------
    ScenarioError
        If not exactly one of them is given, the name is unknown or the file cannot be read.
    """
    if sum(given is not None for given in (case, file, simbench)) != 1:
        what = "needs one of a case, a file and a SimBench code"
        raise ScenarioError("network", [Fault("network", what, "give exactly one of them")])
    with _quiet_old_nets():
        if simbench is not None:
            net = _read_simbench(simbench)
        else:
            net = _read_case(case) if case is not None else _read_file(Path(file or ""))
    net.user_pf_options = {}
    for table in ("poly_cost", "pwl_cost"):
        net[table] = net[table].iloc[:0]
    return net


def _case_makers() -> dict[str, Callable[[], Any]]:
    """Give the functions of pandapower.networks that build a net without arguments."""
    makers: dict[str, Callable[[], Any]] = {}
    for name, maker in inspect.getmembers(pandapower.networks, inspect.isfunction):
        # The namespace also holds runpp, deepcopy and the like, which are defined elsewhere.
        is_ours = maker.__module__.startswith("pandapower.networks.")
        parameters = inspect.signature(maker).parameters.values()
        needs_none = all(
            p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
            for p in parameters
        )
        if is_ours and needs_none and not name.startswith("_"):
            makers[name] = maker
    return makers


def _read_case(case: str) -> Any:
    makers = _case_makers()
    if case not in makers:
        fault = Fault(
            "network.case", f"pandapower.networks has no {case!r}", near_miss(case, makers)
        )
        raise ScenarioError("network", [fault])
    return copy.deepcopy(_made_case(makers[case], case))


@cache
def _made_case(maker: Callable[[], Any], case: str) -> Any:
    """Build a case once: pandapower takes more than half a second to bring its JSON up to date."""
    return cached_object(
        lambda: _checked_net(maker(), "network.case", case),
        generator="pandapower.networks",
        parameters={"case": case, "maker": maker.__module__},
        libraries=("pandapower", "pandas", "numpy"),
    )


def _read_simbench(code: str) -> Any:
    """Give a SimBench grid as it is; its fixed taps stay where they are."""
    net = copy.deepcopy(simbench_net(code))
    if len(net.gen):
        what = (
            "its generators (table gen) follow profiles and hold voltages, which is not supported"
        )
        cure = "use a code of low or medium voltage, such as 1-MV-rural--0-sw"
        raise ScenarioError("network", [Fault("network.simbench", f"{code}: {what}", cure)])
    return net


def _read_file(file: Path) -> Any:
    try:
        net = pp.from_json(str(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UserWarning) as error:
        what = f"{str(file)!r} cannot be read as a pandapower net ({type(error).__name__}: {error})"
        fault = Fault("network.file", what, "write it with pandapower.to_json")
        raise ScenarioError("network", [fault]) from error
    return _checked_net(net, "network.file", str(file))


def _checked_net(net: Any, where: str, name: str) -> Any:
    if not isinstance(net, pp.pandapowerNet):
        fault = Fault(where, f"{name!r} gives a {type(net).__name__}, not a pandapower net")
        raise ScenarioError("network", [fault])
    return net


@contextmanager
def _quiet_old_nets() -> Iterator[None]:
    """Keep pandapower from warning about nets of its own that it stored in an older format."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "tap_dependency_table is missing", DeprecationWarning)
        yield


# ------------------------------------------------------------------------------------- checks
def feeder_faults(net: Any, members: Sequence[Member]) -> tuple[Fault, ...]:
    """Give every reason why these members cannot be connected to this net."""
    return (*_member_faults(net, members), *_net_faults(net))


def _member_faults(net: Any, members: Sequence[Member]) -> Iterator[Fault]:
    names = [member.name for member in members]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Fault(f"microgrids.{name}", "the name is given twice", "names must differ")
    buses = set(net.bus.index)
    cure = f"buses: {ranges(buses)}"
    for member in members:
        where = f"microgrids.{member.name}.bus"
        if member.bus is None:
            yield Fault(where, "a microgrid on a feeder needs a bus", cure)
        elif member.bus not in buses:
            yield Fault(where, f"the feeder has no bus {member.bus}", cure)
        elif not net.bus.in_service[member.bus]:
            yield Fault(where, f"bus {member.bus} is out of service", "give another bus")


def _net_faults(net: Any) -> Iterator[Fault]:
    if not net.ext_grid.in_service.any():
        yield Fault("network", "the net has no ext_grid in service", "pandapower.create_ext_grid")
    for table in _UNSUPPORTED:
        if table in net and len(net[table]):
            yield Fault("network", f"elements of kind {table!r} are not supported", "remove them")
    columns = [name for name in _VOLTAGE_DEPENDENT if name in net.load]
    if net.load[columns].fillna(0.0).to_numpy(dtype=float).any():
        cure = f"set {', '.join(columns)} to 0"
        yield Fault("network", "loads that depend on voltage are not supported", cure)
    ratings = net.line.max_i_ka
    bad = list(net.line.index[ratings.notna() & (ratings <= 0.0)])
    if bad:
        yield Fault("network", f"max_i_ka is not positive at lines {bad}", "give ratings")


# ------------------------------------------------------------------------------------- feeder
class Feeder:
    """A pandapower net with the background at profile value 1 and one sgen per microgrid.

    The net is the single source of truth: any step is ``load.p_mw * share`` (``q_mvar`` alike)
    with the exchange as ``sgen.p_mw`` of the element named like the microgrid, so that a reader
    of `network.json` can reproduce it. Only the table `load` follows the profile; sgens, gens,
    storages, shunts and whatever else the case has keep their nominal values, scaled by nothing.
    With `Background.profiles` every load, sgen and storage follows the profile that its column
    `profile` names (`Follows.own_profiles`), and `share` is an array of one value a profile.

    An exchange is positive when power leaves the microgrid, which is generation to the feeder.

    Parameters
    ----------
    net : pandapowerNet
        Copied; not changed.
    members : tuple of Member
        Microgrids and their buses, in the order of all columns.
    limits : FeederLimits
        Voltage limits.
    background : Background
        How the loads of the case are taken over.

    Attributes
    ----------
    net : pandapowerNet
        Not to be changed or solved; `working_net` gives a copy for that.
    buses, lines, trafos : tuple of int
        pandapower's own labels, in the order of all arrays; not necessarily 0, 1, 2...
    line_max_ka : (lines,) array
        What each line may carry; infinite where it has no rating. [kA]
    follows : Follows
        Which profile each element follows.
    member_sgens : tuple of int
        Labels of the microgrids' sgens.

    Raises
    ------
    ScenarioError
        With every fault of `feeder_faults`.
    """

    def __init__(
        self,
        net: Any,
        *,
        members: tuple[Member, ...],
        limits: FeederLimits | None = None,
        background: Background | None = None,
    ) -> None:
        faults = feeder_faults(net, members)
        if faults:
            raise ScenarioError("network", faults)
        self.members = members
        self.limits = limits or FeederLimits()
        self.background = background or Background()
        self._given = copy.deepcopy(net)
        self.net = copy.deepcopy(net)
        self.net.user_pf_options = {}
        self._scale_loads()
        self._leave_out()
        self.member_sgens = self._connect_members()
        self.follows = self._follows()
        self.net.bus["min_vm_pu"] = self.limits.v_min_pu
        self.net.bus["max_vm_pu"] = self.limits.v_max_pu
        self.buses = tuple(int(label) for label in self.net.bus.index)
        self.lines = tuple(int(label) for label in self.net.line.index)
        self.trafos = tuple(int(label) for label in self.net.trafo.index)
        self.line_max_ka = _line_max_ka(self.net)

    def _scale_loads(self) -> None:
        load = self.net.load
        load["p_mw"] = load.p_mw.astype(float) * self.background.scale
        if self.background.power_factor is None:
            load["q_mvar"] = load.q_mvar.astype(float) * self.background.scale
        else:
            load["q_mvar"] = load.p_mw * _tan_phi(self.background.power_factor)

    def _leave_out(self) -> None:
        for table in ("load", "sgen", "storage"):
            elements = self.net[table]
            elements.loc[elements.name.isin(self.background.without), "in_service"] = False

    def _follows(self) -> Follows:
        if not self.background.profiles:
            return Follows.loads_only(self.net)
        return Follows.own_profiles(
            self.net,
            self.background.profiles,
            is_reactive_own=self.background.power_factor is None,
        )

    def _connect_members(self) -> tuple[int, ...]:
        return tuple(
            int(pp.create_sgen(self.net, m.bus, p_mw=0.0, name=m.name, type="microgrid"))
            for m in self.members
        )

    @cached_property
    def solver(self) -> AcSolver:
        """One solver, made at first use, for whoever needs single AC points. Not for threads."""
        return self.new_solver()

    def new_solver(self) -> AcSolver:
        """Give a solver with its own copy of the net."""
        return AcSolver(self.net, self.member_sgens, self.follows)

    @cached_property
    def radial(self) -> RadialNet | None:
        """The net as the sweep needs it; None if `is_sweepable` has reasons against it."""
        if self.follows.has_names or radial_obstacles(self.net):
            return None
        return RadialNet(self.net, self.member_sgens)

    @cached_property
    def ends_max_ka(self) -> FloatArray:
        """What both ends of every line, then of every transformer, may carry. [kA]

        Of a transformer ``sn * df * parallel / (sqrt(3) vn)`` at either side, as pandapower's
        loading. (lines + trafos, 2) array.
        """
        trafo = self.net.trafo
        sn_mva = (trafo.sn_mva * trafo.df * trafo.parallel).to_numpy(dtype=np.float64)
        vn_kv = trafo[["vn_hv_kv", "vn_lv_kv"]].to_numpy(dtype=np.float64)
        lines_ka = np.repeat(self.line_max_ka[:, None], 2, axis=1)
        return frozen(np.concatenate([lines_ka, sn_mva[:, None] / (np.sqrt(3.0) * vn_kv)]))

    @property
    def background_kw(self) -> float:
        """Background load at profile value 1. [kW]"""
        load = self.net.load[self.net.load.in_service]
        return float((load.p_mw * load.scaling).sum()) * _KW_PER_MW

    def background_kw_at(self, share: float | FloatArray) -> tuple[float, float]:
        """Give the background at some profile values: its loads, and what it draws in all. [kW]

        Both are the same where only loads follow a profile; with profiles of their own, sgens
        and storages count in the second one.
        """
        if not self.follows.has_names:
            load_kw = self.background_kw * float(share)
            return load_kw, load_kw
        drawn_kw = {
            table: float(active_kw(self.net[table]) @ self.follows.factors(table, "p_mw", share))
            for table in ("load", "sgen", "storage")
        }
        return drawn_kw["load"], drawn_kw["load"] + drawn_kw["storage"] - drawn_kw["sgen"]

    def changed(self, lines_out: Iterable[int], rating_factor: Mapping[int, float]) -> Feeder:
        """Give this feeder with lines out of service, and ratings multiplied.

        Background, members and the order of all arrays stay as they are.

        Parameters
        ----------
        lines_out : iterable of int
            Indices of lines.
        rating_factor : mapping
            What the ratings of lines are multiplied with, by index.
        """
        # Built anew: no copy could keep what was made of the usual net.
        net = copy.deepcopy(self._given)
        net.line.loc[list(lines_out), "in_service"] = False
        for line, factor in rating_factor.items():
            net.line.loc[line, "max_i_ka"] *= factor
        return Feeder(net, members=self.members, limits=self.limits, background=self.background)

    def working_net(self) -> Any:
        """Give a copy of the net that may be changed and solved."""
        return copy.deepcopy(self.net)

    def tan_phi(self, power_factor: Sequence[float] | FloatArray | None = None) -> FloatArray:
        """Give kvar per kW of each member's exchange: ``tan(acos(pf))``.

        Parameters
        ----------
        power_factor : (members,) array or None
            In (0, 1]; the members' own by default.

        Raises
        ------
        ValueError
            If there is not one per member, or one is out of its range.
        """
        if power_factor is None:
            power_factor = [member.power_factor for member in self.members]
        if len(power_factor) != len(self.members):
            raise ValueError(f"need {len(self.members)} power factors, got {len(power_factor)}")
        return frozen([_tan_phi(factor) for factor in power_factor])

    def q_kvar(self, exchange_kw: FloatArray) -> FloatArray:
        """Give the reactive exchange at the members' power factors: ``q = p tan(acos(pf))``.

        Parameters
        ----------
        exchange_kw : (..., members) array
            Positive when power leaves the microgrid. [kW]

        Returns
        -------
        (..., members) array
            Same sign rule: an importing microgrid draws reactive power as well. [kvar]
        """
        return np.asarray(exchange_kw, dtype=np.float64) * self.tan_phi()

    def as_json(self) -> str:
        """Give the net as pandapower JSON, background at profile value 1, exchanges at 0."""
        return str(pp.to_json(self.net))


def active_kw(table: Any) -> FloatArray:
    """Give the nominal active power of each element, 0 out of service. [kW]"""
    return _nominal(table, "p_mw")


def reactive_kvar(table: Any) -> FloatArray:
    """Give the nominal reactive power of each element, 0 out of service. [kvar]"""
    return _nominal(table, "q_mvar")


def _nominal(table: Any, column: str) -> FloatArray:
    columns = table[[column, "scaling", "in_service"]].to_numpy(dtype=np.float64)
    return np.asarray(columns.prod(axis=1) * _KW_PER_MW)


def _tan_phi(power_factor: float) -> float:
    if not 0.0 < power_factor <= 1.0:
        raise ValueError(f"a power factor is in (0, 1], not {power_factor}")
    return math.tan(math.acos(power_factor))


def _line_max_ka(net: Any) -> FloatArray:
    """Give ``max_i_ka * df * parallel``, infinite for placeholders and gaps. [kA]"""
    line = net.line
    own_ka = line.max_i_ka.to_numpy(dtype=np.float64)
    limit_ka = own_ka * line.df.to_numpy(dtype=np.float64) * line.parallel.to_numpy(np.float64)
    return frozen(np.where(np.isfinite(own_ka) & (own_ka < UNRATED_KA), limit_ka, np.inf))
