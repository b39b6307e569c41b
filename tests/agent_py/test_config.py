from pathlib import Path
from typing import Any

import pytest
import yaml

from agent_py import config
from common_py.errors import UserError

LEAST = {"node_host": "127.0.0.1", "node_tls_ca": "/ca.crt", "mirror_processes": ["nginx"]}


def load(tmp_path: Path, **changes: Any) -> config.AgentConfig:
    path = tmp_path / "agent.yaml"
    path.write_text(yaml.safe_dump({**LEAST, **changes}))
    return config.load(path)


def test_defaults_come_from_the_schema(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    assert loaded.ring_bytes == 16 << 20
    assert loaded.worker_user == 65532
    assert loaded.connections_bytes == 128 << 20
    assert loaded.tls_enabled


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mirror_processes": []}, "nothing would be mirrored"),
        ({"node_tls_client_cert": "/tls.crt"}, "go together"),
        ({"ringbuf_pages": 1000}, "ringbuf_pages must be one of"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"mirror_ports": [80, 70000]}, "mirror_ports.1 must be at most 65535"),
        ({"node_hots": "x"}, "has the unknown key 'node_hots'"),
        ({"connections_bytes": 1000}, "connections_bytes must be at least 1048576"),
        ({"log_level": "loud"}, "log_level must be one of"),
    ],
)
def test_a_wrong_value_is_a_sentence_with_its_path(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=r"agent\.yaml") as raised:
        load(tmp_path, **changes)
    assert sentence in str(raised.value)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        config.load(tmp_path / "absent.yaml")
