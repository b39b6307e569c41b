"""The cloud's API as oobctl uses it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from common_py.errors import CONFIGURATION, NO_PERMISSION, UNAVAILABLE, UserError
from common_py.secret import read_environment, read_file

URL_VARIABLE = "OOB_URL"
TOKEN_VARIABLE = "OOB_TOKEN"


@dataclass(frozen=True)
class Client:
    """One cloud and the token for it."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def find(cls, url: str | None, token_file: Path | None, data: Path) -> Client:
        """The cloud that options, the environment, or a running ``oobctl run`` (in ``data``) name. Raises UserError."""
        running = _running(data)
        url = (url or os.environ.get(URL_VARIABLE) or running).rstrip("/")
        if not url:
            raise UserError(
                "No cloud is known.",
                f"Start one with oobctl run (as the same user), or name it by --url or {URL_VARIABLE}.",
                exit_code=CONFIGURATION,
            )
        if token_file is not None:
            token = read_file(token_file)
        elif os.environ.get(TOKEN_VARIABLE):
            token = read_environment(TOKEN_VARIABLE)
        elif url == running:
            token = read_file(data / "administrator.token")
        else:
            # This host's token is not for whoever is asked.
            raise UserError(
                f"No token is known for {url}.",
                f"Name its file by --token-file, or set {TOKEN_VARIABLE}.",
                exit_code=CONFIGURATION,
            )
        return cls(url, token)

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The JSON object at ``path``. Raises UserError for anything but 200."""
        try:
            answer = urllib3.request(
                "GET",
                self.url + path,
                fields=query,
                headers={"X-WallarmApi-Token": self.token},
                timeout=urllib3.Timeout(10.0),
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise UserError(
                f"The cloud at {self.url} cannot be reached ({_cause(error)}).",
                f"Is it running? Name another with --url or {URL_VARIABLE}.",
                exit_code=UNAVAILABLE,
            ) from error
        if answer.status in (401, 403):
            raise UserError(
                f"The cloud at {self.url} does not accept this token.",
                f"Name a file with the right one by --token-file, or set {TOKEN_VARIABLE}.",
                exit_code=NO_PERMISSION,
            )
        if answer.status != 200:
            raise UserError(f"The cloud at {self.url} answered {answer.status}: {_reason(answer.data)}")
        document = _document(answer.data)
        if document is None:
            raise UserError(
                f"What answers at {self.url} is not the cloud's API.",
                f"Name the cloud's address with --url or {URL_VARIABLE}.",
                exit_code=UNAVAILABLE,
            )
        return document


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _cause(error: urllib3.exceptions.HTTPError) -> str:
    """A few words for why there was no answer."""
    match error:
        case urllib3.exceptions.NewConnectionError():
            return "connection refused" if isinstance(error.__cause__, ConnectionRefusedError) else "no such host"
        case urllib3.exceptions.TimeoutError():
            return "no answer within 10 s"
        case urllib3.exceptions.SSLError():
            return "its certificate is not trusted, or it does not speak TLS"
        case urllib3.exceptions.LocationValueError():
            return "that is no http:// or https:// address"
        case _:
            return "the connection broke"


def _reason(body: bytes) -> str:
    return str((_document(body) or {}).get("error", "no reason given."))


def _running(data: Path) -> str:
    """Address of the cloud of ``oobctl run``; "" when it never ran."""
    try:
        return str(json.loads((data / "host.json").read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
