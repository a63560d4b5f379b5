"""Starting points for plug-ins and scenarios: working files with their tests, under a new name.

The templates are files of `mmgsim_agents.templates` that work as they stand; only names change.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import packages_distributions
from importlib.resources import files
from importlib.resources.abc import Traversable
from keyword import iskeyword
from pathlib import Path
from shlex import quote

from mmgsim.errors import Fault, InputError
from mmgsim.scenario import bundled_scenarios

__all__ = ["Template", "Written", "write_new"]

_LONGEST = 50


class Template(StrEnum):
    """What can be begun."""

    STRATEGY = "strategy"
    MECHANISM = "mechanism"
    OPERATOR = "operator"
    MARKET = "market"
    SCENARIO = "scenario"


_TRY = {
    Template.STRATEGY: "mmgsim run duo --coordination isolated --strategy MG1={reference}",
    Template.MECHANISM: "mmgsim run duo --coordination {reference}",
    Template.OPERATOR: "mmgsim run duo --set operator.kind={reference}",
    Template.MARKET: "mmgsim run duo --set market.kind={reference}",
    Template.SCENARIO: "mmgsim run {path}",
}
"""How each is tried at once."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Parameters
    ----------
    files : tuple of Path
        In the order to read them.
    commands : tuple of str
        What to do next: run it, and its test.
    """

    files: tuple[Path, ...]
    commands: tuple[str, ...]


def write_new(template: Template, name: str, folder: Path) -> Written:
    """Write a working file, or the folder of a scenario, with its test.

    Parameters
    ----------
    template : Template
        What it is.
    name : str
        Of the module or scenario, such as ``night_owl``; its class is then ``NightOwl``.
    folder : Path
        Where to; made if it is not there.

    Raises
    ------
    InputError
        If the name cannot be used, or something of that name is there, and nothing is written then;
        or if the folder cannot be written to.
    """
    fault = _name_fault(template, name)
    if fault is not None:
        raise InputError(f"mmgsim new {template} {name}", [fault])
    paths = {folder / target: text for target, text in _texts(template, name).items()}
    # Of a scenario the folder has to be free, whatever is in it.
    places = [folder / name] if template is Template.SCENARIO else list(paths)
    cure = "give another name, or another --folder"
    faults = [Fault(str(path), "exists", cure) for path in places if path.exists()]
    if faults:
        raise InputError(f"mmgsim new {template} {name}", faults)
    _write(paths, template, name)
    main, test = next(iter(paths)), list(paths)[-1]
    reference = quote(f"{main}:{_class_name(name)}")
    tried = _TRY[template].format(reference=reference, path=quote(str(main.parent)))
    return Written(tuple(paths), (tried, f"python -m pytest {quote(str(test))}"))


def _texts(template: Template, name: str) -> dict[str, str]:
    """Give the text of each file by its path, under the new name; the test comes last."""
    root, old = files("mmgsim_agents") / "templates", f"my_{template}"
    place = root / old if template is Template.SCENARIO else root
    sources = [x for x in place.iterdir() if x.is_file() and _belongs(x, template, old)]
    sources.sort(key=lambda source: (source.name.startswith("test_"), source.name))
    # A scenario begins with its YAML file, not with what that reads.
    sources.sort(key=lambda source: source.name != "scenario.yaml")
    texts = {}
    for source in sources:
        target = source.name.replace(old, name)
        text = source.read_text(encoding="utf-8").replace(old, name)
        if template is Template.SCENARIO:
            target = f"{name}/{target}"
        texts[target] = text.replace(_class_name(old), _class_name(name))
    return texts


def _belongs(source: Traversable, template: Template, old: str) -> bool:
    if template is Template.SCENARIO:
        return source.name.endswith((".yaml", ".csv", ".py"))
    return source.name in (f"{old}.py", f"test_{old}.py")


def _write(paths: dict[Path, str], template: Template, name: str) -> None:
    try:
        for path, text in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        fault = Fault(str(path), f"cannot be written: {error}", "give another --folder")
        raise InputError(f"mmgsim new {template} {name}", [fault]) from error


# ----------------------------------------------------------------------------------------- names
def _class_name(name: str) -> str:
    """Give the name of the class in a module: `night_owl` holds `NightOwl`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _name_fault(template: Template, name: str) -> Fault | None:
    """Say why a name cannot be that of a module, and which one near it can."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return Fault(
            repr(name),
            "is no name of a module: lower-case letters, digits and _, a letter first",
            f"such as {_near(name)!r}",
        )
    if len(name) > _LONGEST:
        return Fault(repr(name), f"is longer than {_LONGEST} letters", "give a shorter one")
    if iskeyword(name):
        return Fault(repr(name), "is a word of Python", f"such as {_own(name)!r}")
    if name.startswith("test_") or name == "conftest":
        return Fault(repr(name), "is taken for a test by pytest", f"such as {_own(name)!r}")
    if template is Template.SCENARIO and name in bundled_scenarios():
        what = "is a scenario that comes with mmgsim, which its name stands for"
        return Fault(repr(name), what, f"such as {_own(name)!r}")
    if _is_taken(template, name):
        what = "is the name of something that Python imports, or that the file itself needs"
        return Fault(repr(name), what, f"such as {_own(name)!r}")
    return None


def _near(name: str) -> str:
    """Give a name of a module near one that is none: `Night-Owl` becomes `night_owl`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).strip("_").lower()
    near = re.sub(r"_+", "_", words)[: _LONGEST - 3]
    return near if re.match(r"[a-z]", near) and not iskeyword(near) else _own(near or "own")


def _own(name: str) -> str:
    return f"my_{name.removeprefix('test_')}"


def _is_taken(template: Template, name: str) -> bool:
    """Tell whether a module of this name would hide another one, or its class one that it uses."""
    if template is Template.SCENARIO:
        return False
    if name in sys.stdlib_module_names or name in packages_distributions():
        return True
    source = files("mmgsim_agents") / "templates" / f"my_{template}.py"
    tree = ast.parse(source.read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    used = {alias.name for node in imports for alias in node.names}
    packages = {(node.module or "").partition(".")[0] for node in imports}
    return _class_name(name) in used or name in packages
