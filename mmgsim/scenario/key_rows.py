"""Keys of a part of the scenario as rows of a table: meaning, values, default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

__all__ = ["HEAD", "KeyRow", "escaped", "key_rows", "nested_rows"]

HEAD = "| key | meaning | range | default |\n|---|---|---|---|"

KeyRow = tuple[str, str, str, str]
"""Key, meaning, values that it takes, default."""

_UNBOUNDED = 1e6
"""Limits from here on only keep nonsense out."""
_OF_DURATIONS = "(min|h|d)"


def key_rows(model: type[BaseModel], tag: str) -> Iterator[KeyRow]:
    """Give the keys of a part, but for the one that says of which kind it is."""
    schema = model.model_json_schema()
    for key, given in schema["properties"].items():
        if key != tag:
            yield _row(key, given, schema, schema.get("$defs", {}))


def nested_rows(model: type[BaseModel], skipped: Mapping[str, str]) -> Iterator[KeyRow]:
    """Give the keys of a part and, with dots, of the parts in it.

    Parameters
    ----------
    model : class
        The part.
    skipped : mapping
        What stands in place of the values of keys that are described elsewhere.
    """
    schema = model.model_json_schema()
    yield from _nested(schema, schema.get("$defs", {}), "", skipped)


def _nested(
    schema: Mapping[str, Any], parts: Mapping[str, Any], prefix: str, skipped: Mapping[str, str]
) -> Iterator[KeyRow]:
    for key, given in schema["properties"].items():
        inner = parts.get(str(given.get("$ref", "")).rpartition("/")[2], {})
        name, meaning, values, default = _row(key, given, schema, parts)
        if key in skipped:
            yield f"{prefix}{name}", meaning, skipped[key], default
        elif "properties" in inner:
            yield from _nested(inner, parts, f"{prefix}{key}.", skipped)
        else:
            yield f"{prefix}{name}", meaning, values, default


def _row(
    key: str, given: Mapping[str, Any], schema: Mapping[str, Any], parts: Mapping[str, Any]
) -> KeyRow:
    default = "required" if key in schema.get("required", ()) else _default(given)
    return key, escaped(str(given.get("description", ""))), _range(given, parts), default


def escaped(text: str) -> str:
    """Give a text as a cell of a table: in one line, without bars."""
    return " ".join(text.split()).replace("|", "\\|")


def _default(given: Mapping[str, Any]) -> str:
    default = given.get("default")
    if default is not None and _OF_DURATIONS in given.get("pattern", ""):
        return f"`{default}min`"
    if isinstance(default, dict):  # the short form of a choice; else the defaults of its keys
        default = default.get("kind", default.get("source"))
    return "left out" if default in (None, "", []) else f"`{default}`"


def _range(given: Mapping[str, Any], parts: Mapping[str, Any]) -> str:
    """Say which values a key takes."""
    options = [one for one in given.get("anyOf", (given,)) if one.get("type") != "null"]
    tagged = [one["discriminator"] for one in (given, *options) if "discriminator" in one]
    if any("sampled" in one.get("mapping", {}) for one in tagged):
        return "[sessions](#sessions-of-vehicles)"
    if tagged:
        return "a number or a [series](#series)"
    return " or ".join(_range_of_one(one, parts) for one in options)


def _range_of_one(one: Mapping[str, Any], parts: Mapping[str, Any]) -> str:
    if "$ref" in one:
        one = parts[one["$ref"].rpartition("/")[2]]
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    if _OF_DURATIONS in one.get("pattern", ""):
        return "such as `15min`, `1h` or `1d`"
    if one.get("format") == "date":
        return "such as `2021-01-31`"
    words = {
        "exclusiveMinimum": "above",
        "minimum": "at least",
        "exclusiveMaximum": "below",
        "maximum": "at most",
    }
    limits = [
        f"{word} {one[key]:g}"
        for key, word in words.items()
        if key in one and abs(one[key]) < _UNBOUNDED
    ]
    kinds = {
        "number": "number",
        "integer": "whole number",
        "boolean": "true or false",
        "object": "keys of its own",
    }
    return ", ".join([kinds.get(one.get("type", ""), "text"), *limits])
