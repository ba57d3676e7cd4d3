"""A dashboard in a browser: what each of its panels shows, and a picture of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from looks.samples import HOST, sample

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from playwright.sync_api import Browser, Page, Route

DESKTOP, PHONE = 1600, 412
"""The widths of a window, in pixels."""

HEIGHT = 1000

TALLEST = 16_000
"""The greatest height of a picture, in pixels."""

READY_MILLISECONDS = 120_000

SCRIPT = (Path(__file__).parent / "panels.js").read_text()


@dataclass(frozen=True)
class Panel:
    """What a panel shows.

    Args:
        title: Its title, with variables filled in.
        texts: All texts that a person can read, in its page or drawn on its canvases.
        cut: Those of which only a part is visible.
        error: The message of its error, if it has one.
        pictures: The URLs of the pictures that it shows.
    """

    title: str
    texts: Sequence[str]
    cut: Sequence[str]
    error: str
    pictures: Sequence[str]

    def with_pictures(self, arrived: Collection[str]) -> Panel:
        """Return it without the pictures that have not *arrived*."""
        return replace(self, pictures=[picture for picture in self.pictures if picture in arrived])


@dataclass(frozen=True)
class View:
    """A dashboard as a person opens it: its uid, its variables, the theme, and the width of the window in pixels."""

    uid: str
    variables: Mapping[str, Sequence[str]]
    theme: str
    width: int

    def url(self, grafana: str, start: int, end: int) -> str:
        """Return the address at the Grafana with the URL *grafana*, for a time range in Unix seconds."""
        chosen = [(f"var-{name}", value) for name, values in self.variables.items() for value in values]
        query = [("from", start * 1000), ("to", end * 1000), ("theme", self.theme), *chosen]
        return f"{grafana}/d/{self.uid}?{urlencode(query)}"


def look(browser: Browser, url: str, width: int, picture: Path) -> list[Panel]:
    """Open *url*, photograph the whole dashboard, and return what its panels show."""
    page = browser.new_page(viewport={"width": width, "height": HEIGHT}, is_mobile=width == PHONE)
    try:
        page.add_init_script(SCRIPT)
        arrived: set[str] = set()
        page.route(f"{HOST}**", _serve)
        page.on("response", lambda response: arrived.add(response.url) if response.ok else None)
        page.goto(url, timeout=READY_MILLISECONDS)
        page.wait_for_selector("[data-testid^='data-testid Panel header']", timeout=READY_MILLISECONDS)
        _settle(page)
        # Grafana loads a panel when it comes into view, so the window grows until it shows all of them.
        shown = HEIGHT
        while (height := min(TALLEST, page.evaluate("vaeLook.height()"))) > shown:
            page.set_viewport_size({"width": width, "height": height})
            shown = height
            _settle(page)
        picture.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=picture)
        return [Panel(**found).with_pictures(arrived) for found in page.evaluate("vaeLook.panels()")]
    finally:
        page.close()


def _serve(route: Route) -> None:
    """Answer for the host of the samples."""
    picture = sample(route.request.url)
    if picture is None:
        route.fulfill(status=404)
    else:
        route.fulfill(body=picture, content_type="image/png")


def _settle(page: Page) -> None:
    """Wait until no panel loads, and nothing has changed for two seconds."""
    page.evaluate("vaeLook.expectChange()")
    page.wait_for_function("vaeLook.isSettled()", timeout=READY_MILLISECONDS, polling=200)
