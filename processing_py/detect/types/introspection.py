"""GraphQL introspection: a query for the schema, which clients of an application do not send."""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_SCHEMA = re.compile(r"[{\s]__schema\s{0,8}(?:\(|\{)|[{\s]__type\s{0,8}\(")


def confirm(value: Value) -> list[Signal]:
    """Signals of an introspection query in ``value``."""
    match = _SCHEMA.search(value.lower)
    return [Signal("schema", match[0].strip())] if match is not None else []


TYPE = AttackType("gql_introspection", ("__schema", "__type"), confirm, {"schema": 5.0}, structure=True)
