"""Every key of the scenario schema, spoiled in every way that a hand can spoil it.

The keys come from the schema itself, so that a key added later is spoiled as well: each part of
the schema stands in a small document made from `duo`, each of its keys is spoiled there. What is
legal is read off the exported JSON schema, which thereby has to agree with the loader.

    PYTHONPATH=.:agents python -m tests.support.mutations > mutations.csv

prints what was tried and what came back, and counts by kind on standard error.
"""

from __future__ import annotations

import copy
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from math import inf, isfinite, nan
from pathlib import Path
from re import search
from tempfile import TemporaryDirectory
from typing import Any

from mmgsim.engine.setup import network_faults
from mmgsim.errors import ScenarioError
from mmgsim.profiles import has_simbench
from mmgsim.scenario import (
    bundled_scenarios,
    load_scenario,
    parse_yaml,
    read_inputs,
    scenario_schema,
)
from mmgsim.scenario.yaml_lines import Document, dump_yaml

SCHEMA = scenario_schema()
FOLDER = bundled_scenarios()["duo"]
LONG = "x" * 5000
HUGE = 10**15


class Spoil(StrEnum):
    """What is done to a key."""

    MISSING = "missing"
    RENAMED = "renamed"
    LIST = "wrong type: list"
    TRUTH = "wrong type: true"
    TEXT = "wrong type: text"
    NAN = "nan"
    INFINITE = "infinite"
    NEGATIVE = "negative"
    HUGE = "huge"
    LONG = "long text"
    TWICE = "key twice"
    SAME_NAME = "name twice"


VALUES = {
    Spoil.LIST: [1],
    Spoil.TRUTH: True,
    Spoil.TEXT: "no such thing",
    Spoil.NAN: nan,
    Spoil.INFINITE: inf,
    Spoil.NEGATIVE: -1,
    Spoil.HUGE: HUGE,
    Spoil.LONG: LONG,
}


@dataclass(frozen=True)
class Mutation:
    """One spoiled key: the document, the path of the part it belongs to, the key and its schema."""

    document: str
    part: tuple[str | int, ...]
    key: str
    spoil: Spoil

    def __str__(self) -> str:
        return f"{self.document}:{'.'.join(map(str, (*self.part, self.key)))}:{self.spoil.name}"


# ------------------------------------------------------------------------------ documents
_STAY = {
    "arrival": "2021-01-11 17:00",
    "departure": "2021-01-12 06:00",
    "energy_arrival_kwh": 12.0,
}
_STAYS = {
    "sampled": {},
    "daily": {"arrival": "17:00", "departure": "06:00"},
    "listed": {"stays": [_STAY]},
    "csv": {"file": "stays.csv"},
}
STAYS_CSV = """\
vehicle,arrival,departure,energy_arrival_kwh,energy_wanted_kwh
1,2021-01-11T17:00,2021-01-12T06:00,12,34
"""


@cache
def documents() -> dict[str, Any]:
    """Give a small document for every part of the schema that is one of several."""
    duo = parse_yaml((FOLDER / "scenario.yaml").read_text(encoding="utf-8"))
    duo["microgrids"] = [duo["microgrids"][0]]
    microgrid = duo["microgrids"][0]
    (load,) = (device for device in microgrid["devices"] if device["kind"] == "load")
    microgrid["devices"] = [load]
    found = {"duo": duo}
    devices = SCHEMA["$defs"]["MicrogridConfig"]["properties"]["devices"]["items"]
    for kind, part in _alternatives(devices):
        if kind != "load":
            own = {**_required(part), "name": "own", "kind": kind}
            own |= {"profile": 0.5} if "profile" in own else {}
            own |= {"start": "22:00", "end": "06:00"} if kind == "flexible" else {}
            own |= {"energy_kwh": 4.0, "power_kw": 4.0} if kind == "flexible" else {}
            found[kind] = _with(duo, ("microgrids", 0, "devices"), [load, own])
    for source, stays in _STAYS.items():
        car = {"name": "own", "kind": "ev", "sessions": {"source": source, **stays}}
        found[f"sessions {source}"] = _with(duo, ("microgrids", 0, "devices"), [load, car])
    upstream = SCHEMA["$defs"]["TariffConfig"]["properties"]["upstream_per_kwh"]
    for kind, part in _alternatives(upstream):
        if kind == "simbench":
            continue  # stands in a document of its own, for its year
        own = {**_required(part), "source": kind}
        own |= {"site": "perth"} if kind == "pvlib" else {}
        own |= {"annual_kwh": 9000} if kind == "demandlib" else {}
        own |= {"file": "series.csv", "column": "import_per_kwh"} if kind == "csv" else {}
        user = {"pvlib": "pv", "tmy3": "pv", "wind": "wind"}.get(kind, "duo")
        at = ("microgrids", 0, "devices", -1, "profile")
        is_price = kind in ("csv", "constant", "price")
        found[kind] = (
            _with(duo, ("tariff", "upstream_per_kwh"), own)
            if is_price
            else _with(found[user], at, own)
        )
    if has_simbench():
        found["simbench"] = _simbench(duo)
    for kind, _ in _alternatives(SCHEMA["properties"]["forecast"]):
        found[f"forecast {kind}"] = _with(duo, ("forecast",), {"kind": kind})
    network = {"case": "case33bw", "background": {"scale": 0.4}}
    found["network"] = _with(_with(duo, ("network",), network), ("microgrids", 0, "bus"), 17)
    owned = SCHEMA["$defs"]["NetworkConfig"]["properties"]["devices"]["items"]
    for kind, part in _alternatives(owned):
        own = {**_required(part), "name": "own", "kind": kind, "bus": 5}
        found[f"own {kind}"] = _with(found["network"], ("network", "devices"), [own])
    for role in ("operator", "market"):
        found[role] = _with(duo, (role,), {"kind": "standard"})
    strategy = {"kind": "cost-minimiser"}
    found["strategy"] = _with(duo, ("microgrids", 0, "strategy"), strategy)
    for key in ("gate", "repair", "faults"):
        found[key] = _with(duo, (key,), {"end_of_window": {}} if key == "gate" else {})
    for kind, part in _alternatives(SCHEMA["properties"]["events"]["items"]):
        own = {**_required(part), "kind": kind, "start": "2021-01-11 12:00"}
        own |= {"end": "2021-01-11 16:00"}
        own |= {"line": 3} if "line" in own else {}
        own |= {"microgrid": "MG1"} if "microgrid" in own else {}
        found[kind] = _with(found["network" if "line" in own else "duo"], ("events",), [own])
    away = {"microgrid": "MG1", "start": "2021-01-11 12:00", "end": "2021-01-11 16:00"}
    found["communication"] = _with(duo, ("communication",), {"away": [away]})
    day = {"name": "summer", "day": "2021-01-11", "weight": 365}
    found["year"] = _with(duo, ("year",), [day])
    two = [microgrid, {**microgrid, "name": "MG2"}]
    tie = {"name": "T1", "between": ["MG1", "MG2"], "limit_kw": 5.0}
    found["tie"] = _with(_with(duo, ("microgrids",), two), ("ties",), [tie])
    found["connection"] = _with(duo, ("microgrids", 0, "connection"), {})
    for key, user in (("load", "duo"), ("pv", "pvlib"), ("wind", "wind")):
        uncertain = SCHEMA["$defs"]["UncertaintyConfig"]["properties"][key]
        for kind, part in _alternatives(uncertain):
            own = {**_required(part), "kind": kind}
            own |= {"file": "series.csv", "column": "homes_kw"} if kind == "residuals" else {}
            told = {"price": {"sd": 0.2}, key: own}
            found[f"uncertain {key} {kind}"] = _with(found[user], ("uncertainty",), told)
    sized = {"pv": "GeneratorSizingConfig", "battery": "BatterySizingConfig"}
    costs = {key: _required(SCHEMA["$defs"][name]) for key, name in sized.items()}
    found["sizing"] = _with(duo, ("sizing",), {"discount_rate": 0.1, **costs})
    return found


def _simbench(duo: Any) -> Any:
    """Give one load from SimBench, in its year and without the files of duo's."""
    profile = {
        "source": "simbench",
        "code": "1-MV-rural--0-sw",
        "profile": "G0-A_pload",
        "annual_kwh": 9000,
    }
    load = {"name": "own", "kind": "load", "profile": profile}
    found = _with(duo, ("start",), "2016-01-12")
    found = _with(found, ("tariff",), {"import_per_kwh": 0.3, "export_per_kwh": 0.05})
    for position in range(len(found["microgrids"])):
        found = _with(found, ("microgrids", position, "devices"), [load])
    return found


def _with(content: Any, path: tuple[str | int, ...], value: Any) -> Any:
    changed = copy.deepcopy(content)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = copy.deepcopy(value)
    return changed


def _required(part: dict[str, Any]) -> dict[str, Any]:
    """Give a value for every key that a part needs; any in its range."""
    samples: dict[str, Any] = {}
    for key in part.get("required", ()):
        branches = list(_branches(part["properties"][key]))
        kinds = {branch.get("type") for branch in branches}
        choices = [value for branch in branches for value in branch.get("enum", ())]
        samples[key] = choices[0] if choices else 1 if "number" in kinds else "own"
    return samples


# ----------------------------------------------------------------------------- the schema
def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _branches(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give all that may stand at a place, choices within choices opened."""
    schema = _resolved(schema)
    inner = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if not inner:
        yield schema
    for branch in inner:
        yield from _branches(branch)


def _alternatives(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the parts that may stand at a place, by the tag that chooses each."""
    for branch in _branches(schema):
        properties = branch.get("properties", {})
        for key in ("kind", "source"):
            if "const" in properties.get(key, {}):
                yield properties[key]["const"], branch


def _chosen(schema: dict[str, Any], content: Any) -> dict[str, Any] | None:
    """Give the part of the schema that content stands for."""
    parts = [branch for branch in _branches(schema) if "properties" in branch]
    for part in parts:
        tags = {
            key: value["const"] for key, value in part["properties"].items() if "const" in value
        }
        if all(content.get(key, tag) == tag for key, tag in tags.items()):
            return part
    return None


def _parts(
    schema: dict[str, Any], content: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Give every part of a document with its schema."""
    if isinstance(content, list):
        items = [branch["items"] for branch in _branches(schema) if "items" in branch]
        for position, item in enumerate(content):
            yield from _parts(items[0], item, (*path, position))
    elif isinstance(content, dict):
        part = _chosen(schema, content)
        if part is not None:
            yield path, part
            for key, value in content.items():
                if key in part["properties"]:
                    yield from _parts(part["properties"][key], value, (*path, key))


def admits(schema: dict[str, Any], value: Any) -> str:
    """Say why the JSON schema admits a plain value; empty: it does not."""
    return next((why for why in (_why(b, value) for b in _branches(schema)) if why), "")


def _why(branch: dict[str, Any], value: Any) -> str:
    if "const" in branch or "enum" in branch:
        known = branch.get("enum", [branch.get("const")])
        return "one of the choices" if value in known and not isinstance(value, bool) else ""
    kind = branch.get("type")
    if isinstance(value, bool):
        return "true or false" if kind == "boolean" else ""
    if isinstance(value, int | float):
        return _why_number(branch, value)
    if isinstance(value, str) and kind == "string":
        fits = search(branch.get("pattern", ""), value) and "format" not in branch
        return "any text" if fits and len(value) <= branch.get("maxLength", len(value)) else ""
    if isinstance(value, list) and kind == "array":
        return "a list" if all(admits(branch["items"], item) for item in value) else ""
    return "any keys" if not branch else ""


def _why_number(branch: dict[str, Any], value: float) -> str:
    if branch.get("type") not in ("number", "integer") or not isfinite(value):
        return ""
    if branch["type"] == "integer" and value != int(value):
        return ""
    low, above = branch.get("minimum", -inf), branch.get("exclusiveMinimum", -inf)
    high, below = branch.get("maximum", inf), branch.get("exclusiveMaximum", inf)
    is_inside = low <= value <= high and above < value < below
    return f"a number from {max(low, above):g} to {min(high, below):g}" if is_inside else ""


# -------------------------------------------------------------------------------- spoiling
@cache
def mutations() -> tuple[Mutation, ...]:
    """Give every key of the schema once, spoiled in every way."""
    found: dict[tuple[str, str, Spoil], Mutation] = {}
    for name, content in documents().items():
        for path, part in _parts(SCHEMA, content):
            for key in part["properties"]:
                for spoil in Spoil:
                    if _can(spoil, content, (*path, key)):
                        # A part that several documents hold is spoiled in the first of them.
                        found.setdefault(
                            (part["title"], key, spoil), Mutation(name, path, key, spoil)
                        )
    return tuple(found.values())


def _at(content: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        content = content.get(step) if isinstance(content, dict) else content[step]
    return content


def _can(spoil: Spoil, content: Any, path: tuple[str | int, ...]) -> bool:
    inside, key = _at(content, path[:-1]), path[-1]
    if spoil is Spoil.MISSING:
        return key in inside
    if spoil is Spoil.SAME_NAME:
        return key == "name" and len(path) > 1
    return True


def key_part(mutation: Mutation) -> dict[str, Any]:
    """Give the part of the exported schema that a key belongs to."""
    parts = dict(_parts(SCHEMA, documents()[mutation.document]))
    return parts[mutation.part]


def typo(key: str) -> str:
    """Give a key with its last letter twice."""
    return key + key[-1]


def spoiled(mutation: Mutation) -> tuple[str, Any]:
    """Give the text of the spoiled document, and its plain data."""
    content = copy.deepcopy(documents()[mutation.document])
    inside, key = _at(content, mutation.part), mutation.key
    again = "__again__"
    if mutation.spoil is Spoil.MISSING:
        del inside[key]
    elif mutation.spoil is Spoil.RENAMED:
        inside[typo(key)] = inside.pop(key, 1)
    elif mutation.spoil is Spoil.SAME_NAME:
        items = _at(content, mutation.part[:-1])
        items.append(copy.deepcopy(inside))
    elif mutation.spoil is Spoil.TWICE:
        inside.setdefault(key, "own")
        inside[again] = "own"
    else:
        inside[key] = VALUES[mutation.spoil]
    text = dump_yaml(content)
    return text.replace(f"{again}:", f"{key}:"), content


def place(mutation: Mutation, content: Any) -> str:
    """Give the dotted path at which the fault of a mutation is to be named."""
    key = typo(mutation.key) if mutation.spoil is Spoil.RENAMED else mutation.key
    return Document(content).where((*mutation.part, key))


_network_faults: dict[Any, tuple[Any, ...]] = {}


def quick_network_faults(scenario: Any, folder: Path | None) -> tuple[Any, ...]:
    """Give the faults of a network, read once for all mutations that leave it alone."""
    buses = tuple((microgrid.name, microgrid.bus) for microgrid in scenario.microgrids)
    key = (repr(scenario.network), buses)
    if key not in _network_faults:
        _network_faults[key] = tuple(network_faults(scenario, folder))
    return _network_faults[key]


def check(file: Path) -> ScenarioError | None:
    """Check a file as `mmgsim check` does, short of solving anything; give its refusal."""
    further = quick_network_faults
    try:
        loaded = load_scenario(file, further=further)
        named = {"source": loaded.source, "lines": loaded.lines}
        read_inputs(loaded.scenario, loaded.folder, further=further, **named)
        faults = further(loaded.scenario, loaded.folder)
    except ScenarioError as error:
        return error
    return loaded.refusal(faults) if faults else None


def outcome(mutation: Mutation, file: Path) -> ScenarioError | None:
    """Write the spoiled document to a file and check it; give its refusal."""
    file.write_text(spoiled(mutation)[0], encoding="utf-8")
    return check(file)


def main() -> None:
    """Print the table of mutations, and how often each came back how."""
    table = csv.writer(sys.stdout)
    table.writerow(["document", "key", "mutation", "outcome", "said"])
    counts: Counter[tuple[str, str]] = Counter()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.yaml"
        (file.parent / "series.csv").write_bytes((FOLDER / "series.csv").read_bytes())
        (file.parent / "stays.csv").write_text(STAYS_CSV)
        for mutation in mutations():
            error = outcome(mutation, file)
            said = "" if error is None else " | ".join(str(fault) for fault in error.faults)
            kind = "legal" if error is None else "refused"
            counts[mutation.spoil, kind] += 1
            where = ".".join(map(str, (*mutation.part, mutation.key)))
            table.writerow([mutation.document, where, mutation.spoil, kind, said[:300]])
    for spoil in Spoil:
        legal, refused = counts[spoil, "legal"], counts[spoil, "refused"]
        sys.stderr.write(
            f"{spoil:20} {legal + refused:5} tried {refused:5} refused {legal:5} legal\n"
        )


if __name__ == "__main__":
    main()
