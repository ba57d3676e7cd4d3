"""Every panel of every dashboard, in a real Grafana, in both themes, on a desktop and on a phone.

Each test writes a picture. It fails if a panel shows an error, no data where there should be some, or a text that a
person is not meant to see.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from dashboard_files import DASHBOARDS
from looks.pages import DESKTOP, PHONE, View, look
from looks.samples import url_of
from looks.trainings import TRAININGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from looks.grafana import Shown
    from playwright.sync_api import Browser

THEMES = ("light", "dark")
WIDTHS = {"desktop": DESKTOP, "phone": PHONE}

COMPARED = ("bs4-kl1e-4-healthy", "bs4-kl1e-6-diverging", "bs4-kl1e-3-crushed", "eight-ranks-resumed")

MEANT_FOR_NOBODY = re.compile(
    r"∞|^NaN.{0,4}$|undefined|\bnull\b|\[object|Invalid date|\$\{|\$run|\{\{|Value #|Trend #|[0-9a-f]{8}-[0-9a-f]{4}-"
    r"|Data does not have|Data is missing|Cannot visualize|ascending order|Only one frame"
)
"""Signs that Grafana did not understand a panel, or that a panel shows an identifier that nobody can read."""

NO_DATA = "No data"
"""What Grafana shows in place of curves that do not exist."""

ONLY_OF_A_GAN = {"Discriminator"}

NEWEST, BEFORE_THE_RISE = "Newest picture", "Picture before the rise"


def views() -> Iterator[View]:
    chosen: dict[str, list[dict[str, list[str]]]] = {
        "vae-run": [{"run": [training.run]} for training in TRAININGS],
        "vae-comparison": [{"run": list(COMPARED)}],
        "gpu-memory": [{"run": ["eight-ranks-resumed"]}],
    }
    for uid in DASHBOARDS:
        for variables in chosen.get(uid, [{}]):
            for theme in THEMES:
                for width in WIDTHS.values():
                    yield View(uid, variables, theme, width)


def name_of(view: View) -> str:
    run = view.variables["run"][0] if view.uid == "vae-run" else ""
    (size,) = (size for size, width in WIDTHS.items() if width == view.width)
    return "-".join(filter(None, [view.uid, run, view.theme, size]))


@pytest.mark.parametrize("view", list(views()), ids=name_of)
def test_every_panel_shows_what_a_person_expects(view: View, shown: Shown, browser: Browser, pictures: Path) -> None:
    found = look(browser, view.url(shown.url, shown.start, shown.end), view.width, pictures / f"{name_of(view)}.png")
    assert {panel.title for panel in found} == shown.titles(view.uid)
    assert {panel.title: panel.error for panel in found if panel.error} == {}
    is_gan = view.variables.get("run") == ["gan-from-3600"]
    expected = ONLY_OF_A_GAN if view.uid == "vae-run" and not is_gan else set()
    assert {panel.title for panel in found if NO_DATA in panel.texts} == expected
    strange = {panel.title: [text for text in panel.texts if MEANT_FOR_NOBODY.search(text)] for panel in found}
    assert {title: texts for title, texts in strange.items() if texts} == {}
    assert {panel.title: panel.cut for panel in found if panel.cut} == {}


def test_the_pictures_are_of_the_newest_step_and_of_the_one_before_the_rise(
    shown: Shown, browser: Browser, pictures: Path
) -> None:
    run = "bs4-kl1e-6-diverging"
    if NEWEST not in shown.titles("vae-run"):
        pytest.skip("this Grafana has the dashboards without pictures")
    view = View("vae-run", {"run": [run]}, "dark", DESKTOP)
    found = look(browser, view.url(shown.url, shown.start, shown.end), view.width, pictures / "pictures.png")
    assert {panel.title: panel.pictures for panel in found if panel.pictures} == {
        NEWEST: [url_of(run, "7000")],
        BEFORE_THE_RISE: [url_of(run, "3500")],
    }
