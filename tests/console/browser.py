"""Chromium on the console. Whatever the page must not do is an error at the end of every test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, sync_playwright

from tests.cloud_py.samples import ADMINISTRATOR_TOKEN

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-quic",
]  # fmt: skip
HARMLESS = ("Password forms should have",)


@dataclass
class Console:
    """A logged-in page and what it did that it must not."""

    page: Page
    context: BrowserContext
    misdeeds: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Collect errors, violations of the policy, dialogs, and every address asked for."""
        self.page.on("pageerror", lambda error: self.misdeeds.append(f"error: {error}"))
        self.page.on("console", self._on_console)
        self.page.on("dialog", self._on_dialog)
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(HARMLESS):
            self.misdeeds.append(f"{message.type}: {message.text}")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.misdeeds.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@contextmanager
def open_console(address: str, *, dark: bool = False, width: int = 1440, height: int = 900) -> Iterator[Console]:
    """Log in by link, wait for the live connection; at the end nothing forbidden may have happened."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", timezone_id="UTC"
        )
        console = Console(context.new_page(), context)
        console.watch()
        console.page.goto(f"{address}/login#token={ADMINISTRATOR_TOKEN}")
        console.page.wait_for_selector("#live[data-state=on]")
        yield console
        browser.close()
    assert console.misdeeds == []
    assert {url for url in console.requests if not url.startswith(address)} == set()
