"""What is read of a page: a page of our own, with panels that have the faults to be found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from looks.pages import DESKTOP, Panel, look

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

PAGE = """<!doctype html>
<style>
  section { width: 200px; border: 1px solid }
  .one-line { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
  .scrolls { overflow: auto; white-space: nowrap }
</style>
<section class="react-grid-item" data-testid="data-testid Panel header Whole"><p>Short</p></section>
<section class="react-grid-item" data-testid="data-testid Panel header Cut">
  <div class="one-line">A text that is too long for its panel</div>
</section>
<section class="react-grid-item" data-testid="data-testid Panel header Scrolls">
  <div class="scrolls">A text that is too long for its panel</div>
</section>
<section class="react-grid-item" data-testid="data-testid Panel header Broken">
  <button aria-label="Panel status">!</button>
</section>
<section class="react-grid-item" data-testid="data-testid Panel header Hidden"><p hidden>Nobody sees this</p></section>
<section class="react-grid-item" data-testid="data-testid Panel header Drawn"><canvas width="200"></canvas></section>
<section class="react-grid-item" data-testid="data-testid Panel header Pictured">
  <div style="height: 100px; background-image: url(https://example.org/samples/a-run/step-500.png)"></div>
  <div style="height: 100px; background-image: url(https://example.org/samples/a-run/step-501.png)"></div>
</section>
<section class="react-grid-item" style="margin-top: 1500px" data-testid="data-testid Panel header Low"></section>
<script>
  const pen = document.querySelector("canvas").getContext("2d");
  pen.clearRect(0, 0, 200, 100);
  pen.fillText("before", 10, 10);
  pen.clearRect(0, 0, 200, 100);
  pen.fillText("0.5", 10, 10);
  pen.textAlign = "right";
  pen.fillText("a name that begins outside", 60, 40);
  pen.fillText("left of the canvas", -1, 40);
  pen.fillText("below the canvas", 100, 170);
</script>
"""


@pytest.fixture(scope="module")
def panels(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Panel]:
    folder = tmp_path_factory.mktemp("page")
    (folder / "page.html").write_text(PAGE)
    found = look(browser, (folder / "page.html").as_uri(), DESKTOP, folder / "picture.png")
    return {panel.title: panel for panel in found}


def test_a_text_that_fits_is_whole(panels: dict[str, Panel]) -> None:
    assert (panels["Whole"].texts, panels["Whole"].cut, panels["Whole"].error) == (["Short"], [], "")


def test_a_text_is_cut_where_it_cannot_be_scrolled(panels: dict[str, Panel]) -> None:
    assert panels["Cut"].cut == ["A text that is too long for its panel"]
    assert panels["Scrolls"].cut == []


def test_an_error_is_found(panels: dict[str, Panel]) -> None:
    assert panels["Broken"].error


def test_a_hidden_text_is_not_read(panels: dict[str, Panel]) -> None:
    assert panels["Hidden"].texts == []


def test_the_last_texts_on_a_canvas_are_read_and_one_that_begins_outside_is_cut(panels: dict[str, Panel]) -> None:
    assert panels["Drawn"].texts == ["0.5", "a name that begins outside"]
    assert panels["Drawn"].cut == ["a name that begins outside"]


def test_a_picture_is_found_if_it_arrives(panels: dict[str, Panel]) -> None:
    assert panels["Pictured"].pictures == ["https://example.org/samples/a-run/step-500.png"]
    assert panels["Whole"].pictures == []


def test_a_panel_far_below_is_in_the_picture(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(PAGE)
    look(browser, (tmp_path / "page.html").as_uri(), DESKTOP, tmp_path / "picture.png")
    width, height = (int.from_bytes((tmp_path / "picture.png").read_bytes()[at : at + 4], "big") for at in (16, 20))
    assert width == DESKTOP
    assert height > 1500
