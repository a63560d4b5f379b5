"""What pydantic finds wrong, in words that name the key, the value and what would do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

from mmgsim.errors import Fault, near_miss
from mmgsim.scenario.schema import Scenario
from mmgsim.scenario.yaml_lines import Document

__all__ = ["schema_fault", "value_words"]

_LIMITS = {
    "greater_than": ("must be above {:g}", "gt"),
    "greater_than_equal": ("must be at least {:g}", "ge"),
    "less_than": ("must be below {:g}", "lt"),
    "less_than_equal": ("must be at most {:g}", "le"),
}
_TYPES = {
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long",
    "model_type": "must hold keys of its own",
    "model_attributes_type": "must hold keys of its own",
    "dict_type": "must hold keys of its own",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
}
_SOURCE_CURE = "write a number, or {source: csv, file: my.csv, column: name}"
_POINT = "write decimals with a point, not with a comma"
_UNIT = re.compile(r"^\s*[-+.\d][\d.,eE+-]*\s*[A-Za-z%/€$]+\S*\s*$")


def schema_fault(
    detail: Mapping[str, Any], document: Document, root: type[BaseModel] = Scenario
) -> Fault:
    """Say one of pydantic's findings in our words, with its place in the file of a schema."""
    path = tuple(detail["loc"])
    place = _without_tags(path, root)
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        place = (*place, str(detail["ctx"]["discriminator"]).strip("'"))
    where = document.where(_as_written(place, document.content))
    what, cure = _words(detail, path, root)
    return Fault(where, what, cure, document.line(where))


def value_words(detail: Mapping[str, Any]) -> tuple[str, str]:
    """Say what is wrong with a value that is no part of the schema, and what would do."""
    return _words(detail, (), Scenario)


def _words(
    detail: Mapping[str, Any], path: tuple[str | int, ...], root: type[BaseModel]
) -> tuple[str, str]:
    kind, context, given = detail["type"], detail.get("ctx", {}), detail.get("input")
    if kind == "missing":
        return "is missing", _description(path, root)
    if kind == "extra_forbidden":
        if given is None and str(path[-1]).isdecimal():  # {level: 0,95}
            return "unknown key", _POINT
        known = {name for model in _models_at(path[:-1], root) for name in model.model_fields}
        return "unknown key", near_miss(str(path[-1]), known)
    if kind in ("literal_error", "enum"):
        return _choice(given, re.findall(r"'([^']*)'", str(context["expected"])))
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        key = str(context["discriminator"]).strip("'")
        tags = _tags_at(path, key, root)
        return _choice(context["tag"], tags) if "tag" in context else _untagged(key, tags, given)
    what, cure = _value_words(detail, path, root)
    return what, cure or _description(path, root)


def _value_words(
    detail: Mapping[str, Any], path: tuple[str | int, ...], root: type[BaseModel]
) -> tuple[str, str]:
    """Say what is wrong with a value whose key is right."""
    kind, given = detail["type"], detail.get("input")
    if kind in _LIMITS:
        template, key = _LIMITS[kind]
        bound = detail["ctx"][key]
        return f"{template.format(bound)}, given {_shown(given)}", _share_cure(bound, given)
    if kind == "model_attributes_type" and any(
        "source" in m.model_fields for m in _models_at(path, root)
    ):
        cure = _type_cure("float_type", given) or _SOURCE_CURE
        return f"must be a number or a source of a series, given {_shown(given)}", cure
    if kind == "too_long":
        return f"must have at most {detail['ctx']['max_length']} items, given {_shown(given)}", ""
    if kind in _TYPES:
        return f"{_TYPES[kind]}, given {_shown(given)}", _type_cure(kind, given)
    if kind == "string_pattern_mismatch":
        cure = "start with a letter; then letters, digits, _ and -"
        return f"{_shown(given)} is not a name", cure
    return _others(detail, given)


def _others(detail: Mapping[str, Any], given: Any) -> tuple[str, str]:
    message = str(detail["msg"])
    if detail["type"] == "value_error":
        what = message.removeprefix("Value error, ")
        is_shown = repr(given) in what or isinstance(given, dict | list)
        return what if is_shown else f"{what}, given {_shown(given)}", ""
    return f"{message}, given {_shown(given)}", ""


def _choice(given: Any, known: Sequence[str]) -> tuple[str, str]:
    return f"{_shown(given)} is unknown", near_miss(str(given), known)


def _untagged(key: str, tags: Sequence[str], given: Any) -> tuple[str, str]:
    """Say which key chooses among others, and which key was probably meant to be it."""
    close = get_close_matches(key, [str(name) for name in given or ()], n=1)
    meant = f"did you mean {key!r} by {close[0]!r}? " if close else ""
    return "is missing", f"{meant}{_known(tags)}"


def _share_cure(bound: float, given: Any) -> str:
    """Say how to write a share that was given in percent."""
    is_percent = bound == 1 and isinstance(given, int | float) and 1 < given <= 100
    return f"a share, not percent: {given:g} % is written {given / 100:g}" if is_percent else ""


def _known(names: Iterable[str]) -> str:
    return "known: " + ", ".join(sorted(names))


def _shown(given: Any) -> str:
    if given is None:
        return "nothing"
    if isinstance(given, bool):
        return str(given).lower()
    text = repr(given)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _type_cure(kind: str, given: Any) -> str:
    if kind in ("float_type", "int_type") and isinstance(given, str):
        if _UNIT.match(given):
            return "write the number alone; its unit is part of the key"
        if re.fullmatch(r"\s*[-+]?\d+(,\d+)+\s*", given):
            return _POINT
        is_number = re.fullmatch(r"\s*[-+]?[\d.]+([eE][-+]?\d+)?\s*", given)
        return "write it without quotes" if is_number else ""
    if kind == "string_type" and isinstance(given, int | float) and not isinstance(given, bool):
        return "put it in quotes"
    if kind == "tuple_type":
        return "start each item with a dash"
    return ""


# ------------------------------------------------------------------------- what may stand where
def _models_at(path: Sequence[str | int], root: type[BaseModel]) -> list[type[BaseModel]]:
    """Give the parts of a schema that a path of pydantic's may lead to."""
    models = [root]
    for part in path:
        models = _models_below(models, part)
    return models


def _models_below(models: list[type[BaseModel]], part: str | int) -> list[type[BaseModel]]:
    fields = [m.model_fields[part] for m in models if part in m.model_fields]
    if fields:
        below = [model for field in fields for model in _models_in(field.annotation)]
    elif isinstance(part, str):
        below = [model for model in models if part in _tags(model)] or models
    else:
        below = models  # an item of a list
    return list(dict.fromkeys(below))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]


def _tags(model: type[BaseModel]) -> list[str]:
    """Give the values by which a model is chosen among others."""
    return [
        str(tag)
        for key in ("kind", "source")
        if key in model.model_fields
        for tag in get_args(model.model_fields[key].annotation)
    ]


def _without_tags(path: Sequence[str | int], root: type[BaseModel]) -> tuple[str | int, ...]:
    """Drop the tags of choices, which stand in pydantic's path but not in the file."""
    kept: list[str | int] = []
    models = [root]
    for part in path:
        is_key = any(part in model.model_fields for model in models)
        if is_key or not any(part in _tags(model) for model in models):
            kept.append(part)
        models = _models_below(models, part)
    return tuple(kept)


def _as_written(place: Sequence[str | int], content: Any) -> tuple[str | int, ...]:
    """Drop keys that a short form stands for: a bare number is the value of a constant source."""
    for depth, part in enumerate(place):
        if not isinstance(content, dict | list):
            return tuple(place[:depth])
        if isinstance(content, list) and int(part) >= len(content):
            break  # a list that is too short
        content = content.get(part) if isinstance(content, dict) else content[int(part)]
    return tuple(place)


def _tags_at(path: Sequence[str | int], key: str, root: type[BaseModel]) -> list[str]:
    models = [model for model in _models_at(path, root) if key in model.model_fields]
    return [tag for model in models for tag in _tags(model)]


def _description(path: tuple[str | int, ...], root: type[BaseModel]) -> str:
    """Say to give a key, and what it is; an item of a list and an alternative are their key's."""
    if not path:
        return ""
    while len(path) > 1 and not any(
        path[-1] in model.model_fields for model in _models_at(path[:-1], root)
    ):
        path = path[:-1]
    for model in _models_at(path[:-1], root):
        field = model.model_fields.get(str(path[-1]))
        if field is not None and field.description:
            text = " ".join(field.description.split()).rstrip(".")
            is_word = not text[1:2].isupper()  # IANA stays as it is
            return f"give {path[-1]}: {text[0].lower() if is_word else text[0]}{text[1:]}"
    return ""
