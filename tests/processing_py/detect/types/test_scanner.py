import pytest

from processing_py.detect.types.scanner import confirm
from tests.processing_py.detect.types.values import value

AGENT = (("header", "USER-AGENT"),)
URI = (("uri",),)


@pytest.mark.parametrize(
    ("text", "path", "names"),
    [
        ("sqlmap/1.7", AGENT, ["agent"]),
        ("Mozilla/5.0 (X11; Linux x86_64)", AGENT, []),
        ("/.git/config", URI, ["file"]),
        ("/index.html", URI, []),
        ("sqlmap/1.7", (("get", "q"),), []),
    ],
)
def test_agents_and_files(text, path, names):
    assert [signal.name for signal in confirm(value(text, *path))] == names
