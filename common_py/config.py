"""Configuration files: YAML (or JSON), validated by the program's JSON Schema, turned into a msgspec struct.

The schema in ``schema/`` is the only definition of the keys; the struct repeats just names and types so that mypy
sees them. A wrong value ends as one sentence that carries its path.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import jsonschema
import msgspec
import yaml

from common_py.errors import CONFIGURATION, NO_INPUT, UserError

SCHEMA_DIRECTORY = Path(__file__).resolve().parent.parent / "schema"

T = TypeVar("T")


def load(path: Path, schema: str, into: type[T]) -> T:
    """Read ``path`` and return it as ``into``, validated by ``schema/<schema>.schema.json``. Raises UserError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UserError(f"Cannot read configuration {path}: {reason}.", exit_code=NO_INPUT) from error
    try:
        data = yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # A ValueError is a date that no calendar has, a RecursionError thousands of brackets.
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise UserError(
            f"Configuration {path} is not valid YAML{place}.", "Mend the syntax there.", exit_code=CONFIGURATION
        ) from error
    return parse(data, schema, into, origin=str(path))


def parse(data: Any, schema: str, into: type[T], *, origin: str) -> T:
    """Validate ``data`` by the named schema, fill in its defaults and convert. ``origin`` names it in errors."""
    document = read_schema(schema)
    validator = jsonschema.Draft7Validator(document, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)
    errors = sorted(validator.iter_errors(data), key=lambda error: list(map(str, error.absolute_path)))
    if errors:
        raise UserError(f"{origin}: {sentence(errors[0])}", exit_code=CONFIGURATION)
    if not _finite(data):
        raise UserError(f"{origin} has a .nan or .inf in it.", "Write a number.", exit_code=CONFIGURATION)
    try:
        return msgspec.convert(with_defaults(data, document), into)
    except msgspec.ValidationError as error:  # 2.0 is an integer to the schema
        raise UserError(f"{origin}: {error}.", "Write it without a fraction.", exit_code=CONFIGURATION) from error


def _finite(data: Any) -> bool:
    """Whether every number is one; limits say nothing about others, as no comparison with them is true."""
    if isinstance(data, Mapping):
        return all(map(_finite, data.values()))
    if isinstance(data, list):
        return all(map(_finite, data))
    return not isinstance(data, float) or math.isfinite(data)


def read_schema(name: str) -> dict[str, Any]:
    """Return ``schema/<name>.schema.json``. Raises UserError when the installation lacks it or it is unreadable."""
    path = SCHEMA_DIRECTORY / f"{name}.schema.json"
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.Draft7Validator.check_schema(document)
    except (OSError, ValueError, jsonschema.SchemaError) as error:
        raise UserError(
            f"Cannot read the schema {path}.",
            "Install the project again: the file is missing or damaged.",
            exit_code=NO_INPUT,
        ) from error
    return document


def sentence(error: jsonschema.ValidationError) -> str:
    """One sentence for a schema violation: the offending value's path and what would be right, no secret's value."""
    path = ".".join(str(part) for part in error.absolute_path) or "the document"
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        unknown = sorted(set(error.instance) - set(schema.get("properties", {})), key=str)
        known = ", ".join(sorted(schema.get("properties", {})))
        return f"{path} has the unknown key {', '.join(map(repr, unknown))}; known keys are {known}."
    if error.validator == "required" and isinstance(error.instance, Mapping):
        missing = [key for key in schema.get("required", []) if key not in error.instance]
        return f"{path} lacks the key {', '.join(map(repr, missing))}."
    # Where a list or an object is asked for, what stands there instead may hold any part of a secret.
    hidden = schema.get("writeOnly") or (error.validator == "type" and _holds_secret(schema))
    hidden = hidden or isinstance(error.instance, Mapping | list)
    shown = "" if hidden else f" (it is {json.dumps(error.instance, default=str)[:80]})"
    return f"{path} {demand(str(error.validator), error.validator_value)}{shown}."


def _holds_secret(schema: Mapping[str, Any]) -> bool:
    """Whether a secret's place is somewhere below."""
    below = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return any(sub.get("writeOnly") or _holds_secret(sub) for sub in below)


def demand(validator: str, value: Any) -> str:
    """The rule of a schema keyword, in words."""
    match validator:
        case "type":
            return f"must be of type {value}"
        case "enum":
            return f"must be one of {', '.join(str(item) for item in value)}"
        case "minimum":
            return f"must be at least {value}"
        case "maximum":
            return f"must be at most {value}"
        case "format":
            return f"must be a valid {value}"
        case "pattern":
            return f"must match {value}"
        case "minLength":
            return "must not be empty"
        case _:
            return f"violates {validator} {value}"


def with_defaults(data: Any, schema: Mapping[str, Any]) -> Any:
    """Return ``data`` with every ``default`` of the schema's properties filled in, recursively."""
    if not isinstance(data, Mapping):
        return data
    merged: dict[str, Any] = dict(data)
    for key, sub in schema.get("properties", {}).items():
        if key not in merged and "default" in sub:
            merged[key] = sub["default"]
        if key in merged:
            merged[key] = with_defaults(merged[key], sub)
    return merged
