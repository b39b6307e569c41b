"""The processing node's configuration file and what is wrong with it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from common_py.errors import UserError
from processing_py import config

LEAST = "tls_certificate: /c.pem\ntls_key: /k.pem\n"


def load(tmp_path: Path, text: str) -> config.ProcessingConfig:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return config.load(path)


def test_defaults(tmp_path: Path) -> None:
    loaded = load(tmp_path, LEAST)
    assert (loaded.listen_host, loaded.listen_port, loaded.health_probe_port) == ("0.0.0.0", 18443, 18080)
    assert loaded.tls.client_authority is None
    assert loaded.agent_token() == ""
    assert loaded.node == socket.gethostname()
    assert loaded.processes == len(os.sched_getaffinity(0))


def test_what_is_set_is_used(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("sesame\n")
    loaded = load(tmp_path, f"{LEAST}tls_client_ca: /ca.pem\nagent_token_file: {token}\nnode_name: n\nworkers: 3\n")
    assert loaded.tls.client_authority == Path("/ca.pem")
    assert (loaded.agent_token(), loaded.node, loaded.processes) == ("sesame", "n", 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tls_key: /k.pem\n", "lacks the key 'tls_certificate'"),
        (LEAST + "listen_port: 70000\n", r"listen_port must be at most 65535 \(it is 70000\)"),
        (LEAST + "workers: many\n", "workers must be of type integer"),
        (LEAST + "worker: 1\n", "the unknown key 'worker'"),
        (LEAST + "log_level: loud\n", "log_level must be one of debug, info, warning, error"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load(tmp_path, text)
