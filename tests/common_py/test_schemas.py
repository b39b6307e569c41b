"""Every schema file is valid; those of the records are what the contracts say."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from common_py.config import SCHEMA_DIRECTORY
from common_py.contracts import Exchange, Finding, Hit
from tests.support.exchanges import exchange
from tests.tiers import REPOSITORY

SCHEMAS = sorted(SCHEMA_DIRECTORY.glob("*.schema.json"))
CONFIGURATIONS = [path for path in SCHEMAS if path.name.endswith("-config.schema.json")]


def test_the_record_schemas_are_generated_from_the_contracts() -> None:
    spec = importlib.util.spec_from_file_location("schemas", REPOSITORY / "tools" / "schemas.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    for path, text in tool.documents().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: run tools/schemas.py"


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_every_schema_is_one(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validators.validator_for(document).check_schema(document)
    assert document["$id"] == path.name


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_every_configuration_key_is_documented_and_its_default_and_examples_are_valid(path: Path) -> None:
    def check(schema: dict[str, object], place: str) -> None:
        properties = schema.get("properties", {})
        assert isinstance(properties, dict)
        assert not properties or schema["additionalProperties"] is False, place
        for key, sub in properties.items():
            assert sub.get("title"), f"{place}.{key}"
            assert sub.get("description"), f"{place}.{key}"
            for value in [*sub.get("examples", []), *([sub["default"]] if "default" in sub else [])]:
                if "properties" not in sub:
                    jsonschema.validate(value, sub)
            check(sub, f"{place}.{key}")

    check(json.loads(path.read_text(encoding="utf-8")), path.name)


def test_real_records_fit_their_schemas() -> None:
    item = exchange(1, b"/a", body=b"\xff\x00")
    hit = Hit("1", "ptrav", "URI_value", [Finding("ptrav", [["path", 0]], "x")], "a", "/", item, "n")
    for name, record in (("exchange", item), ("hit", hit)):
        schema = json.loads((SCHEMA_DIRECTORY / f"{name}.schema.json").read_text(encoding="utf-8"))
        document = msgspec.json.decode(msgspec.json.encode(record))
        jsonschema.validate(document, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document | {"id": 7}, schema)
    assert msgspec.json.decode(msgspec.json.encode(item), type=Exchange) == item
