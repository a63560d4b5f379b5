"""Finding strategies, operators, markets and mechanisms by name or by reference.

What comes with mmgsim goes through the same door as anybody's own class: a reference string.
Installed packages register names of their own as entry points (`mmgsim.scenario.packages`).
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from mmgsim.errors import PackageError, UnknownNameError, near_miss
from mmgsim.scenario.packages import GROUPS, Kind, load_registered, package_of, registered
from mmgsim.scenario.plugin_files import module_of_file

__all__ = [
    "BUILT_IN",
    "PlugIn",
    "create",
    "file_of",
    "find_class",
    "find_maker",
    "found_path",
    "known_names",
    "option_names",
    "path_options",
    "plug_ins",
]


BUILT_IN: Mapping[Kind, Mapping[str, str]] = MappingProxyType(
    {
        Kind.STRATEGY: {
            "cost-minimiser": "mmgsim_agents.strategies.cost_minimiser:CostMinimiser",
            "driven": "mmgsim_agents.strategies.driven:Driven",
            "imitator": "mmgsim_agents.strategies.imitator:Imitator",
            "learner": "mmgsim_agents.strategies.learner:Learner",
            "markup": "mmgsim_agents.strategies.markup:Markup",
            "robust": "mmgsim_agents.strategies.robust:Robust",
            "self-consumer": "mmgsim_agents.strategies.self_consumer:SelfConsumer",
            "stochastic": "mmgsim_agents.strategies.stochastic:Stochastic",
            # Who makes its own cost small and says so is truthful: one class, two names.
            "truthful": "mmgsim_agents.strategies.cost_minimiser:CostMinimiser",
            "withholder": "mmgsim_agents.strategies.withholder:Withholder",
            "zero-intelligence": "mmgsim_agents.strategies.zero_intelligence:ZeroIntelligence",
        },
        Kind.OPERATOR: {"standard": "mmgsim_agents.operators.standard:StandardOperator"},
        Kind.MARKET: {"standard": "mmgsim_agents.markets.standard:StandardMarket"},
        Kind.MECHANISM: {
            "adaptive-robust": "mmgsim.coordination.adaptive_robust:AdaptiveRobust",
            "admm": "mmgsim.coordination.admm:Admm",
            "auction": "mmgsim.coordination.auction:Auction",
            "bilateral": "mmgsim.coordination.bilateral:Bilateral",
            "bilevel": "mmgsim.coordination.bilevel:Bilevel",
            "central": "mmgsim.coordination.central:Central",
            "hierarchical": "mmgsim.coordination.hierarchical:Hierarchical",
            "isolated": "mmgsim.coordination.isolated:Isolated",
            "peer-to-peer": "mmgsim.coordination.peer_to_peer:PeerToPeer",
            "pool": "mmgsim.coordination.energy_pool:Pool",
            "prices": "mmgsim.coordination.prices:Prices",
            "two-stage": "mmgsim.coordination.two_stage:TwoStage",
        },
        Kind.AGENT: {
            "microgrid": "mmgsim_agents.microgrid:MicrogridAgent",
            "dno": "mmgsim_agents.dno:DnoAgent",
            "market": "mmgsim_agents.market:MarketAgent",
        },
    }
)
"""References behind the names that come with mmgsim, by what they are."""


def known_names(kind: Kind) -> tuple[str, ...]:
    """Give all names of a kind: those of mmgsim, then those of installed packages."""
    return tuple(dict.fromkeys([*BUILT_IN[kind], *(entry.name for entry in registered(kind))]))


@dataclass(frozen=True, slots=True)
class PlugIn:
    """A registered name.

    Parameters
    ----------
    kind : Kind
        What it is.
    name, reference : str
        What a scenario calls it, and the class behind it.
    package : str
        Who registers it.
    note : str
        What is wrong with it, empty where nothing is.
    """

    kind: Kind
    name: str
    reference: str
    package: str
    note: str = ""


def plug_ins() -> list[PlugIn]:
    """Give every registered name; what packages register is loaded, to see whether it can be."""
    found = []
    for kind in GROUPS:
        own = BUILT_IN[kind]
        found += [PlugIn(kind, name, reference, "mmgsim") for name, reference in own.items()]
        for entry in registered(kind):
            note = "never used: mmgsim has this name itself" if entry.name in own else ""
            note = note or _note(kind, entry.name)
            found.append(PlugIn(kind, entry.name, entry.value, package_of(entry), note))
    return found


def _note(kind: Kind, name: str) -> str:
    """Say why a registered name cannot be used."""
    try:
        load_registered(kind, name)
    except PackageError as error:
        return str(error)
    return ""


def find_class(kind: Kind, name: str, folder: Path | None = None) -> Any:
    """Give the class behind a registered name or a reference.

    The names of mmgsim come first: no package can take them away.

    Parameters
    ----------
    kind : Kind
        What is looked for.
    name : str
        A registered name, ``package.module:Class``, or ``path/to/file.py:Class`` (relative to
        `folder` or to the working directory).
    folder : Path or None
        The scenario's folder.

    Raises
    ------
    UnknownNameError
        If there is nothing of that name.
    PackageError
        If the name is that of a package that is broken, or of several packages.
    """
    reference = BUILT_IN[kind].get(name, name)
    module_name, colon, class_name = reference.rpartition(":")
    if not colon:
        found = load_registered(kind, name)
        if found is None:
            raise UnknownNameError(kind, name, known_names(kind))
        return found
    module = _module(kind, name, module_name, folder)
    found = getattr(module, class_name, None)
    if found is None:
        why = f"{module_name} has no {class_name}; {near_miss(class_name, _classes(module))}"
        raise UnknownNameError(kind, name, known_names(kind), why=why)
    return found


def _classes(module: ModuleType) -> list[str]:
    """Give the names of a module's own classes, and of those that it re-exports."""
    exported = getattr(module, "__all__", ())
    return [
        name
        for name, each in vars(module).items()
        if isinstance(each, type) and (each.__module__ == module.__name__ or name in exported)
    ]


def create(kind: Kind, name: str, options: Mapping[str, Any], folder: Path | None = None) -> Any:
    """Make an instance of the class behind a name; see `find_maker`, whose options these are."""
    return find_maker(kind, name, options, folder)()


def find_maker(
    kind: Kind, name: str, options: Mapping[str, Any], folder: Path | None = None
) -> Callable[..., Any]:
    """Give what makes instances of the class behind a name, as it is found now and stays.

    It takes a mapping of further options, or nothing. Options that the class names in
    `path_options` are paths, relative to `folder` or to the working directory.

    Raises
    ------
    UnknownNameError
        If there is nothing of that name; when it makes one, if the class refuses the options.
    PackageError
        If the name is that of a package that is broken, or of several packages.
    """
    found = find_class(kind, name, folder)
    paths = {
        key: str(found_path(options[key], folder))
        for key in path_options(found)
        if isinstance(options.get(key), str)
    }
    return partial(_made, kind, name, found, {**options, **paths})


def _made(
    kind: Kind,
    name: str,
    found: Any,
    options: Mapping[str, Any],
    further: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    try:
        return found(**{**options, **further})
    except TypeError as error:
        why = f"options refused: {error}"
        raise UnknownNameError(kind, name, known_names(kind), why=why) from error


def path_options(found: Any) -> tuple[str, ...]:
    """Give the names of the options of a class that are paths."""
    return tuple(getattr(found, "path_options", ()))


def found_path(text: str, folder: Path | None) -> Path:
    """Give what a path leads to, seen from a folder or else from the working directory."""
    for base in (folder, Path.cwd()):
        if base is not None and (base / text).exists():
            return base / text
    return Path(text)


def file_of(reference: str) -> str | None:
    """Give the file of a reference such as ``path/to/file.py:Class``, None where there is none."""
    module_name = reference.rpartition(":")[0]
    return module_name if module_name.endswith(".py") else None


def option_names(found: Any) -> tuple[str, ...] | None:
    """Give the names of the options of a class, None where it takes whatever it is given."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return tuple(p.name for p in parameters if p.kind not in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL))


def _module(kind: Kind, name: str, module_name: str, folder: Path | None) -> ModuleType:
    if not module_name.endswith(".py"):
        try:
            return importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if not f"{module_name}.".startswith(f"{error.name}."):
                raise  # the module is there; what it imports is not
            raise UnknownNameError(kind, name, known_names(kind), why=str(error)) from error
    path = found_path(module_name, folder)
    if path.is_file():
        return module_of_file(path.resolve())
    raise UnknownNameError(kind, name, known_names(kind), why=f"there is no file {module_name}")
