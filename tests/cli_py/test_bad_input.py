"""Bad input to any program: one line on standard error that says what to do, the right exit code, no traceback."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_py.recording import Writer
from tests.cloud_py.samples import write_config
from tests.support.chunks import Wire
from tests.support.pki import issue
from tests.tiers import REPOSITORY

pytestmark = pytest.mark.program

PROGRAMS = ("agent_py", "cloud_py", "processing_py", "cli_py.hostnode")
NOBODY = 65534


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """``python -m`` with the arguments."""
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY, **options)


def refuses(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """Assert that the program said one line with ``words`` and ended with ``code``."""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.returncode == code, done.stderr
    for word in words:
        assert word in done.stderr


def write(path: Path, document: object) -> str:
    path.write_text(json.dumps(document))
    return str(path)


def agent_settings(directory: Path, **change: Any) -> dict[str, Any]:
    authority = directory / "ca.crt"
    if not authority.exists():
        issue(directory)
    with Writer(directory / "empty.chunks", 0):
        pass
    return {
        "node_host": "127.0.0.1",
        "node_tls_ca": str(authority),
        "replay_file": str(directory / "empty.chunks"),
        "health_probe_port": 0,
        "log_level": "error",
        **change,
    }


def configurations(program: str, directory: Path, broken: str | None = None) -> list[str]:
    """The options that name configuration files: complete ones, or ``broken`` in the last one's place."""
    if program == "agent_py":
        return ["--config", broken or write(directory / "agent.json", agent_settings(directory))]
    if program == "cloud_py":
        return ["--config", broken or str(write_config(directory))]
    files = issue(directory)
    processing = {"tls_certificate": str(files.certificate), "tls_key": str(files.key)}
    if program == "processing_py":
        return ["--config", broken or write(directory / "processing.json", processing)]
    node = write(directory / "processing.json", processing)
    (directory / "node.token").write_text("secret")
    aggregation = {"api": {"host": "127.0.0.1", "tokenFile": str(directory / "node.token")}}
    return ["--processing", node, "--aggregation", broken or write(directory / "aggregation.json", aggregation)]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_wrong_option_of_a_program(program: str) -> None:
    refuses(run(program), 64, "required: --", f"See 'python -m {program} --help'.")


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_option_is_named(program: str, tmp_path: Path) -> None:
    refuses(run(program, *configurations(program, tmp_path), "--wrong"), 64, "--wrong")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, 66, "No such file"),
        ("a: [", 78, "is not valid YAML at line 1"),
        ("- 1", 78, "must be of type object"),
        ("surprise: 1", 78, "the unknown key 'surprise'"),
        (b"\xff\xfe\x00", 66, "not UTF-8"),
    ],
)
def test_a_configuration_that_is_none(
    program: str, content: str | bytes | None, code: int, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "broken.yaml"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    refuses(run(program, *configurations(program, tmp_path, str(path))), code, str(path), words)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs without their schemas."""
    directory = tmp_path_factory.mktemp("copy")
    for package in ("agent_py", "aggregation_py", "cli_py", "cloud_py", "common_py", "processing_py"):
        shutil.copytree(REPOSITORY / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    (directory / "schema").mkdir()
    return directory


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("content", [None, "{", '{"type": 5}'])
def test_an_unreadable_schema(program: str, content: str | None, copy: Path, tmp_path: Path) -> None:
    shutil.rmtree(copy / "schema")
    (copy / "schema").mkdir()
    if content is not None:
        for name in ("agent", "cloud", "processing", "aggregation"):
            (copy / "schema" / f"{name}-config.schema.json").write_text(content)
    command = [sys.executable, "-m", program, *configurations(program, tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=copy)
    refuses(done, 66, f"Cannot read the schema {copy / 'schema'}", "Install the project again")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program has."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_the_agent_says_what_it_lacks(taken: int, tmp_path: Path) -> None:
    def agent(**change: Any) -> subprocess.CompletedProcess[str]:
        return run("agent_py", "--config", write(tmp_path / "a.json", agent_settings(tmp_path, **change)))

    refuses(agent(health_probe_host="127.0.0.1", health_probe_port=taken), 69, f":{taken}", "health_probe_port")
    refuses(agent(address_file="/nonexistent/a"), 78, "Cannot write the address file /nonexistent/a")
    refuses(agent(record_file="/none/a.chunks"), 73, "Cannot write the recording /none/a.chunks: No such file")
    refuses(agent(record_file=str(tmp_path)), 73, f"Cannot write the recording {tmp_path}: Is a directory.")
    refuses(agent(replay_file="/etc/passwd"), 66, "/etc/passwd is not a recording.")
    refuses(agent(replay_file="/nonexistent"), 66, "Cannot read the recording /nonexistent: No such file")
    refuses(agent(node_tls_ca="/nonexistent"), 66, "Cannot read /nonexistent: No such file")
    refuses(agent(node_tls_ca="/etc/passwd"), 78, "is not a PEM certificate")
    refuses(agent(node_token_file="/nonexistent"), 66, "Cannot read the secret in /nonexistent")
    refuses(run("agent_py.worker", input="{"), 64, "A worker is started by the agent")


def test_a_damaged_recording_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "damaged.chunks"
    with Writer(path, 0) as writer:
        for _ in range(3):
            writer.write(Wire().read(b"abc"))
    path.write_bytes(path.read_bytes()[:-2])
    done = run("cli_py", "run", "--data", str(tmp_path / "data"), "--console-port", "0", "--replay", str(path))
    refuses(done, 66, "oobctl: The agent did not start: The recording", "is damaged at byte")
    assert nothing_runs(tmp_path)


def test_oobctl_run_with_a_recording_that_cannot_be_written(tmp_path: Path) -> None:
    with Writer(tmp_path / "empty.chunks", 0):
        pass
    common = ("--data", str(tmp_path / "data"), "--console-port", "0", "--replay", str(tmp_path / "empty.chunks"))
    done = run("cli_py", "run", *common, "--record", "/nonexistent/a.chunks")
    refuses(done, 73, "oobctl: The agent did not start: Cannot write the recording /nonexistent/a.chunks: No such file")
    assert nothing_runs(tmp_path)


def nothing_runs(directory: Path) -> bool:
    """Whether no process has been started with a path under ``directory``."""
    mark = os.fsencode(directory)
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                found.append(mark in (entry / "cmdline").read_bytes())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return not any(found)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--wrong"], "No such option '--wrong'."),
        (["wrong"], "No such command 'wrong'."),
        (["run"], "Nothing to mirror. Name a process: oobctl run --process nginx."),
        (["run", "--wrong"], "See 'oobctl run --help'."),
        (["run", "--pid", "x"], "Invalid value for '--pid': 'x'"),
        (["run", "--port", "70000", "--pid", "1"], "70000 is not in the range"),
        (["run", "--data"], "Option '--data' requires an argument."),
        (["attacks", "list", "--limit", "0"], "0 is not in the range"),
        (["attacks", "list", "-o", "xml"], "'xml' is not one of 'table', 'json'"),
        (["doctor", "--pid", "0"], "0 is not in the range"),
        (["classify"], "Missing argument 'FILE'."),
    ],
)
def test_wrong_options_of_oobctl(arguments: list[str], words: str) -> None:
    refuses(run("cli_py", *arguments), 64, words)


@pytest.mark.parametrize("arguments", [[], ["attacks"]])
def test_without_a_command_the_help_is_shown(arguments: list[str]) -> None:
    done = run("cli_py", *arguments)
    assert done.returncode == 64
    assert done.stderr.startswith("Usage: oobctl")


def test_oobctl_run_with_a_port_that_is_taken(taken: int, tmp_path: Path) -> None:
    with Writer(tmp_path / "empty.chunks", 0):
        pass
    common = ("--data", str(tmp_path / "data"), "--replay", str(tmp_path / "empty.chunks"))
    done = run("cli_py", "run", *common, "--console-port", str(taken))
    refuses(done, 69, f"Cannot listen on 127.0.0.1:{taken}: Address already in use.", "--console-port")
    assert nothing_runs(tmp_path)


def test_oobctl_run_with_a_data_directory_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("cli_py", "run", "--replay", "x", "--data", str(tmp_path / "file" / "data"))
    refuses(done, 77, "Cannot use the data directory", "Not a directory. Name another one with --data.")


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory whose way is open for every user; pytest's own is not."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        path.chmod(0o755)
        yield path


@pytest.mark.root
class TestWithoutRoot:
    """As the user nobody. It works in a child of this process: the files of Python may be readable for root only."""

    def oobctl(self, *arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
        """Import as root, then drop, then run."""
        code = (
            "import os, sys\n"
            "from cli_py.main import main\n"
            f"{before}\n"
            f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
            "main(sys.argv[1:])\n"
        )
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY)

    def test_run(self, tmp_path: Path) -> None:
        done = self.oobctl("run", "--process", "nginx", "--data", str(tmp_path / "data"))
        refuses(done, 77, "Capture needs root. Run it with sudo, or play a recording with --replay.")
        assert not (tmp_path / "data").exists()

    def test_the_agent(self, open_path: Path) -> None:
        path = Path(write(open_path / "a.json", agent_settings(open_path, replay_file="", mirror_pids=[1])))
        path.chmod(0o644)
        code = (
            "import os, sys\n"
            "from agent_py.program import main\n"
            "from agent_py.loader.libbpf import library\n"
            "library()\n"
            f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
            "sys.exit(main())\n"
        )
        command = [sys.executable, "-c", code, "--config", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY)
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.returncode in (66, 69, 77)
        # Which of the three depends on what the machine has; on a complete one it is the lack of rights.
        complete = Path("/sys/kernel/btf/vmlinux").exists() and (REPOSITORY / "agent_py/bpf/capture.bpf.o").exists()
        assert (done.returncode == 77) == complete, done.stderr

    def test_a_data_directory_of_another_user(self, open_path: Path) -> None:
        closed, filled = open_path / "closed", open_path / "filled"
        closed.mkdir(mode=0o700)
        filled.mkdir(mode=0o755)
        (filled / "lock").touch(0o600)
        for data in (closed, filled):
            done = self.oobctl("run", "--replay", "x", "--data", str(data), "--console-port", "0")
            refuses(done, 77, f"Cannot use the data directory {data}: Permission denied.")
        (filled / "host.json").write_text('{"url": "http://127.0.0.1:9"}')
        (filled / "administrator.token").write_text("secret-of-root")
        (filled / "administrator.token").chmod(0o600)
        done = self.oobctl("attacks", "list", "--data", str(filled))
        refuses(done, 66, f"Cannot read the secret in {filled / 'administrator.token'}: Permission denied.")

    def test_doctor(self) -> None:
        done = self.oobctl("doctor", "--pid", "1")
        assert done.returncode == 1
        assert done.stderr == ""
        assert "✘ capabilities" in done.stdout
        assert "→ Run as root" in done.stdout
        assert "TLS cannot be checked" in done.stdout


@pytest.mark.parametrize(
    ("patch", "code", "words"),
    [
        ("live._BTF = Path('/nonexistent')", 69, "no types (BTF). It needs CONFIG_DEBUG_INFO_BTF"),
        ("live._BTF, live.OBJECTS = Path('/proc'), Path('/nonexistent')", 66, "is not compiled. Run: make bpf"),
    ],
)
def test_an_agent_without_btf_or_objects(patch: str, code: int, words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", agent_settings(tmp_path, replay_file="", mirror_pids=[1]))
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from agent_py.loader import live\n"
        "from agent_py.loader.live import LiveLoader\n"
        f"{patch}\n"
        "LiveLoader.__init__.__defaults__ = (live.OBJECTS,)\n"
        "from agent_py.program import main\n"
        "sys.exit(main())\n"
    )
    command = [sys.executable, "-c", program, "--config", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY)
    refuses(done, code, words)


def test_classify_with_a_file_that_is_none(tmp_path: Path) -> None:
    refuses(run("cli_py", "classify", str(tmp_path / "none")), 66, "Cannot read", "No such file")
    refuses(run("cli_py", "classify", str(tmp_path)), 66, "Is a directory")
