"""Checks a value against the part of JSON Schema that the project's own schemas use."""

from __future__ import annotations

from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
_KNOWN = {"$schema", "title", "type", "required", "properties", "items", "enum", "const", "oneOf"}


def faults(value: Any, schema: dict[str, Any], at: str = "") -> list[str]:
    """What is wrong with a value; unknown keywords of the schema are wrong too."""
    found = [f"{at}: keyword {key}" for key in schema.keys() - _KNOWN]
    if "oneOf" in schema:
        fits = [not faults(value, choice, at) for choice in schema["oneOf"]]
        found += [] if sum(fits) == 1 else [f"{at}: fits {sum(fits)} of the choices: {value!r}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is none of {schema['enum']!r}")
    if "type" in schema and not _is_of(value, schema["type"]):
        found.append(f"{at}: {value!r} is no {schema['type']}")
    if isinstance(value, dict):
        found += [f"{at}: no {key}" for key in schema.get("required", ()) if key not in value]
        for key, inner in schema.get("properties", {}).items():
            if key in value:
                found += faults(value[key], inner, f"{at}/{key}")
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            found += faults(item, schema["items"], f"{at}/{number}")
    return found


def _is_of(value: Any, names: str | list[str]) -> bool:
    names = [names] if isinstance(names, str) else names
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)
