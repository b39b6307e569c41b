#!/usr/bin/env python
"""Write schema/{exchange,hit,summary}.schema.json from the structs and their docstrings in common_py/contracts.py.

``tools/schemas.py`` writes them, ``tools/schemas.py --check`` says whether they are as they would be written.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from common_py import contracts
from common_py.config import SCHEMA_DIRECTORY

RECORDS = {"exchange": contracts.Exchange, "hit": contracts.Hit, "summary": contracts.Summary}


def documents() -> dict[Path, str]:
    """The schema files and what must stand in them."""
    texts = descriptions()
    return {SCHEMA_DIRECTORY / f"{name}.schema.json": render(name, kind, texts) for name, kind in RECORDS.items()}


def render(name: str, kind: type, texts: dict[str, dict[str, str]]) -> str:
    """One schema file. Bytes are base64 in JSON (RFC 4648 §4), binary strings in msgpack."""
    schema = msgspec.json.schema(kind, ref_template="#/$defs/{name}")
    for title, definition in schema["$defs"].items():
        describe(definition, texts[title])
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{name}.schema.json",
        "$comment": "Made by tools/schemas.py from common_py/contracts.py.",
        **schema,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def describe(definition: dict[str, Any], texts: dict[str, str]) -> None:
    """Put the fields' docstrings into a struct's definition."""
    for field, schema in definition["properties"].items():
        if field in texts and "$ref" not in schema:
            schema["description"] = texts[field]


def descriptions() -> dict[str, dict[str, str]]:
    """Struct name → field name → the string that follows the field in the source."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(contracts)).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = dict(field_texts(node))
    return found


def field_texts(struct: ast.ClassDef) -> list[tuple[str, str]]:
    """The documented fields of a struct."""
    return [
        (field.target.id, inspect.cleandoc(text.value.value))
        for field, text in zip(struct.body, struct.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    ]


def main() -> None:
    """Write, or check."""
    stale = [path for path, text in documents().items() if not path.exists() or path.read_text("utf-8") != text]
    if sys.argv[1:] == ["--check"]:
        if stale:
            sys.exit(f"Not as the contracts say: {', '.join(path.name for path in stale)}. Run tools/schemas.py.")
        return
    for path in stale:
        path.write_text(documents()[path], encoding="utf-8")


if __name__ == "__main__":
    main()
