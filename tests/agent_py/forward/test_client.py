"""The forwarder against real HTTPS servers on loopback: refusals, outages, certificates, the end."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent_py.counters import Counter, Counters
from agent_py.forward import client
from agent_py.forward.batch import BatchLimits
from agent_py.forward.client import Forwarder, Settings
from agent_py.forward.credentials import Credentials
from agent_py.forward.queue import QueueLimits
from common_py.contracts import decode_exchanges
from common_py.errors import UserError
from common_py.retry import Backoff
from tests.support.exchanges import exchange
from tests.support.pki import Files, issue
from tests.support.scripted import Answer, Scripted, server_context

ENDS = (Counter.EXCHANGES_SENT, Counter.LOST_QUEUE_FULL, Counter.LOST_REJECTED, Counter.LOST_SHUTDOWN)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return issue(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def tls(files: Files) -> ssl.SSLContext:
    return server_context(str(files.certificate), str(files.key))


def forwarder(url: str, files: Files, counters: Counters, **changes: object) -> Forwarder:
    options: dict[str, object] = {
        "credentials": Credentials.read(files.authority, token="agent-token"),
        "batch": BatchLimits(exchanges=10, age=0.01),
        "backoff": Backoff(0.01, 0.02),
        **changes,
    }
    return Forwarder(Settings(url, **options), counters)  # type: ignore[arg-type]  # a dict of any settings


def numbers(bodies: list[bytes]) -> list[int]:
    return sorted(int(item.id, 16) for body in bodies for item in decode_exchanges(body))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_everything_arrives_once_in_batches(files: Files, tls: ssl.SSLContext) -> None:
    counters = Counters()
    with Scripted(tls=tls) as server:
        sending = forwarder(server.url, files, counters)
        sending.start()
        for start in range(0, 95, 5):
            sending.put([exchange(number) for number in range(start, start + 5)])
        sending.stop(20)
    assert numbers(server.taken()) == list(range(95))
    assert counters[Counter.EXCHANGES_SENT] == 95
    assert counters[Counter.BATCHES_SENT] == len(server.seen)
    assert sending.gauge() == 0
    for seen in server.seen:
        assert seen.path == "/v1/exchanges"
        assert seen.headers["Content-Type"] == "application/msgpack"
        assert seen.headers["X-WallarmApi-Token"] == "agent-token"
        assert len(decode_exchanges(seen.body)) <= 10


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408, 302, 0])
def test_a_failure_that_may_pass_is_tried_again(files: Files, tls: ssl.SSLContext, status: int) -> None:
    counters = Counters()
    with Scripted([Answer(status), Answer(status)], tls) as server:
        sending = forwarder(server.url, files, counters, senders=1)
        sending.start()
        sending.put([exchange(1)])
        server.wait(3)
        sending.stop(20)
    assert numbers(server.taken()) == [1]
    assert counters[Counter.BATCH_RETRIES] == 2
    assert counters[Counter.EXCHANGES_SENT] == 1


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_a_refusal_is_counted_and_not_repeated(files: Files, tls: ssl.SSLContext, status: int) -> None:
    counters = Counters()
    with Scripted([Answer(status)], tls) as server:
        sending = forwarder(server.url, files, counters, senders=1)
        sending.start()
        sending.put([exchange(1), exchange(2)])
        server.wait(1)
        sending.put([exchange(3)])
        sending.stop(20)
    assert numbers(server.taken()) == [3]
    assert counters[Counter.LOST_REJECTED] == 2
    assert counters[Counter.BATCH_RETRIES] == 0


def test_retry_after_is_obeyed(files: Files, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    counters = Counters()
    pauses: list[float] = []
    monkeypatch.setattr(Forwarder, "_rest", lambda _self, seconds: pauses.append(seconds))
    monkeypatch.setattr(client.random, "random", lambda: 0.5)
    asked = ["7", "86400", "0", "Thu, 01 Jan 1970 00:00:00 GMT", "soon"]
    script = [*(Answer(503, {"Retry-After": value}) for value in asked), Answer(429, {"Retry-After": "3"}), Answer(503)]
    with Scripted(script, tls) as server:
        sending = forwarder(server.url, files, counters, senders=1, backoff=Backoff(0.5, 0.5))
        sending.start()
        sending.put([exchange(1)])
        server.wait(8)
        sending.stop(20)
    assert [pause - 0.25 for pause in pauses] == [7.0, client.RETRY_AFTER_LIMIT, 0.0, 0.0, 0.0, 3.0, 0.0]
    assert counters[Counter.EXCHANGES_SENT] == 1


def test_an_outage_loses_nothing_within_the_bound(files: Files, tls: ssl.SSLContext) -> None:
    counters = Counters()
    port = free_port()
    sending = forwarder(f"https://127.0.0.1:{port}", files, counters)
    sending.start()
    sending.put([exchange(number) for number in range(50)])
    with Scripted(tls=tls, port=port) as server:
        server.wait(5)
        sending.stop(20)
    assert numbers(server.taken()) == list(range(50))
    assert counters[Counter.EXCHANGES_SENT] == 50


def test_a_server_killed_in_the_middle_loses_nothing_that_is_not_counted(files: Files, tls: ssl.SSLContext) -> None:
    counters = Counters()
    with Scripted(tls=tls) as first:
        sending = forwarder(first.url, files, counters, queue=QueueLimits(exchanges=60))
        sending.start()
        sending.put([exchange(number) for number in range(40)])
        first.wait(1)
    for start in range(40, 240, 40):
        sending.put([exchange(number) for number in range(start, start + 40)])
    with Scripted(tls=tls, port=first.port) as second:
        second.wait(1)
        sending.stop(20)
    arrived = set(numbers(first.taken())) | set(numbers(second.taken()))
    assert sum(counters[end] for end in ENDS) == 240
    assert counters[Counter.LOST_QUEUE_FULL] > 0
    # An exchange whose answer was cut off is sent again: it may arrive twice, it is never missing uncounted.
    assert len(arrived) >= counters[Counter.EXCHANGES_SENT]
    assert 240 - len(arrived) <= counters[Counter.LOST_QUEUE_FULL]
    assert {239, 238} <= arrived


def test_what_cannot_be_sent_before_the_end_is_counted(files: Files) -> None:
    counters = Counters()
    sending = forwarder(f"https://127.0.0.1:{free_port()}", files, counters)
    sending.start()
    sending.put([exchange(number) for number in range(25)])
    sending.stop(0.1)
    sending.put([exchange(99)])
    assert counters[Counter.LOST_SHUTDOWN] == 26
    assert sending.gauge() == 0


def test_mutual_tls(files: Files) -> None:
    counters = Counters()
    demanding = server_context(str(files.certificate), str(files.key), str(files.authority))
    with Scripted(tls=demanding) as server:
        sending = forwarder(server.url, files, counters, senders=1)
        sending.start()
        sending.put([exchange(1)])
        while counters[Counter.BATCH_RETRIES] < 2:
            time.sleep(0.005)
        assert server.seen == []
        sending.reload(Credentials.read(files.authority, files.client_certificate, files.client_key))
        server.wait(1)
        sending.stop(20)
    assert numbers(server.taken()) == [1]


def test_an_unknown_authority_is_not_talked_to(files: Files, tls: ssl.SSLContext, tmp_path: Path) -> None:
    counters = Counters()
    with Scripted(tls=tls) as server:
        sending = forwarder(server.url, files, counters, credentials=Credentials.read(issue(tmp_path).authority))
        sending.start()
        sending.put([exchange(1)])
        sending.stop(0.2)
    assert server.seen == []
    assert counters[Counter.LOST_SHUTDOWN] == 1


def test_the_server_name_is_checked_instead_of_the_address(tmp_path: Path) -> None:
    files = issue(tmp_path, "processing.example")
    tls = server_context(str(files.certificate), str(files.key))
    counters = Counters()
    with Scripted(tls=tls) as server:
        sending = forwarder(server.url, files, counters, server_name="processing.example")
        sending.start()
        sending.put([exchange(1)])
        server.wait(1)
        sending.stop(20)
        wrong = forwarder(server.url, files, counters)
        wrong.start()
        wrong.put([exchange(2)])
        wrong.stop(0.2)
    assert numbers(server.taken()) == [1]


def test_unusable_credentials_are_one_sentence(files: Files, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Cannot read .*absent\.crt: No such file"):
        Credentials.read(tmp_path / "absent.crt")
    with pytest.raises(UserError, match="not a PEM certificate"):
        Credentials(authority=b"nonsense").context()
    with pytest.raises(UserError, match="do not fit together"):
        Credentials(b"", files.client_certificate.read_bytes(), files.key.read_bytes()).context()
    secret = Credentials.read(files.authority, files.client_certificate, files.client_key, "s3cret-token")
    assert "s3cret" not in repr(secret)
    assert "PRIVATE" not in repr(secret)


UNPRIVILEGED = """
import sys
import time
from pathlib import Path
from agent_py.counters import Counter, Counters
from agent_py.forward.client import Forwarder, Settings
from agent_py.forward.credentials import Credentials
from common_py.process import drop_privileges
from tests.support.exchanges import exchange

url, *paths = sys.argv[1:]
credentials = Credentials.read(*map(Path, paths))
counters = Counters()
sending = Forwarder(Settings(url, credentials), counters)
drop_privileges(65532)
try:
    Path(paths[2]).read_bytes()
except PermissionError:
    print("the key's file is closed to this user")
sending.reload(credentials)
sending.start()
sending.put([exchange(1)])
sending.stop(20)
print("sent", counters[Counter.EXCHANGES_SENT])
"""


@pytest.mark.root
def test_it_works_without_privileges_and_without_its_files(files: Files) -> None:
    demanding = server_context(str(files.certificate), str(files.key), str(files.authority))
    with Scripted(tls=demanding) as server:
        command = [sys.executable, "-c", UNPRIVILEGED, server.url]
        paths = [str(path) for path in (files.authority, files.client_certificate, files.client_key)]
        done = subprocess.run([*command, *paths], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "the key's file is closed to this user\nsent 1\n", done.stderr
