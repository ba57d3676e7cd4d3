"""Test how a notification looks in a terminal."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console

from vae_exporter.pager import Link, Notification
from vae_exporter.pager.terminal import render

PAGE = Notification(
    kind="page",
    run="bs4",
    title="Run bs4 has diverged. Stop it.",
    text="* Run bs4 has diverged. Stop it.\n  NLL 0.45 at step 437.",
    links=(Link("Runbook", "https://docs/r"),),
    received_at=0.0,
    raw="{}",
)


def shown(notification: Notification, width: int = 50) -> str:
    screen = StringIO()
    Console(file=screen, width=width, color_system=None).print(render(notification))
    return screen.getvalue()


def test_a_page_shows_its_kind_title_text_and_links() -> None:
    lines = [line.strip("\u2502\u256d\u256e\u2570\u256f\u2500 ") for line in shown(PAGE).splitlines()]

    assert lines[0].startswith("PAGE ")
    assert lines[1:-1] == ["Run bs4 has diverged. Stop it.", "", "NLL 0.45 at step 437.", "", "Runbook: https://docs/r"]


def test_markup_in_a_title_is_not_interpreted() -> None:
    assert "[bold red]x[/] :smile:" in shown(replace(PAGE, title="[bold red]x[/] :smile:"))


def test_a_long_url_is_wrapped_not_cut() -> None:
    url = "https://grafana/d/run?" + "x" * 100

    folded = "".join(
        line.strip("\u2502 ") for line in shown(replace(PAGE, links=(Link("Dashboard", url),))).splitlines()
    )

    assert url in folded.replace(" ", "")


def test_a_heartbeat_is_one_line() -> None:
    assert len(shown(replace(PAGE, kind="heartbeat", title="Alerting works."), 80).splitlines()) == 1
