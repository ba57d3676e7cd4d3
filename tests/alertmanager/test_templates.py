"""The text of notifications, as amtool renders the shipped templates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from shipped_rules import UNIT_TESTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NASTY = [
    "quo\"te's",
    "{{ .Status }}",
    "{{ unclosed",
    "key: [value",
    "line\nbreak",
    "<script>alert(1)</script>",
    "<!channel>",
    "a&b&lt;c",
    "*bold* _it_ `code`",
    "% @ ! | > - #",
]


def alert(
    name: str = "VaeNllDiverged", run: str = "bs4", *, resolved: bool = False, **annotations: str
) -> dict[str, Any]:
    """Return an alert as Alertmanager passes it to a template. If *resolved*, it fired for 12 and a half minutes."""
    return {
        "status": "resolved" if resolved else "firing",
        "labels": {"alertname": name, "severity": "page", "run": run},
        "annotations": annotations,
        "startsAt": "2026-01-01T10:00:00Z",
        "endsAt": "2026-01-01T10:12:30.4Z" if resolved else "0001-01-01T00:00:00Z",
    }


def diverged(run: str = "bs4", *, resolved: bool = False) -> dict[str, Any]:
    return alert(
        "VaeNllDiverged",
        run,
        resolved=resolved,
        summary=f"Run {run} has diverged: NLL 0.45. Stop it.",
        description="NLL 0.45 at step 437: above 0.30.\nResume from a checkpoint.",
        runbook_url="https://docs/VaeNllDiverged",
        dashboard_url=f"https://grafana/d/run?var-run={run}&from=now-1h",
        outputs_url="https://outputs/bs4",
    )


def nonfinite(*, resolved: bool = False) -> dict[str, Any]:
    return alert(
        "VaeLossNonfinite",
        resolved=resolved,
        summary="Run bs4 has a NaN loss. Stop it.",
        description="The loss rec is NaN at step 440.",
        runbook_url="https://docs/VaeLossNonfinite",
        dashboard_url="https://grafana/d/run",
    )


@pytest.fixture
def render(amtool: Callable[..., str], configuration: Path, tmp_path: Path) -> Callable[..., str]:
    """Return a function that renders a named template for one notification with the given alerts."""

    def rendered(template: str, *alerts: dict[str, Any]) -> str:
        data = {
            "receiver": "pager",
            "status": "firing" if any(one["status"] == "firing" for one in alerts) else "resolved",
            "groupLabels": {"run": alerts[0]["labels"]["run"]},
            "commonLabels": dict(set.intersection(*(set(one["labels"].items()) for one in alerts))),
            "alerts": alerts,
            "externalURL": "http://alertmanager:9093",
        }
        path = tmp_path / "data.json"
        path.write_text(json.dumps(data))
        return amtool(
            "template",
            "render",
            f"--template.glob={configuration.parent}/templates/*.tmpl",
            f'--template.text={{{{ template "{template}" . }}}}',
            f"--template.data={path}",
        )

    return rendered


def test_one_page(render: Callable[..., str]) -> None:
    assert render("vae.title", diverged()) == "Run bs4 has diverged: NLL 0.45. Stop it."
    assert render("vae.text", diverged()) == (
        "* Run bs4 has diverged: NLL 0.45. Stop it.\n  NLL 0.45 at step 437: above 0.30.\n  Resume from a checkpoint."
    )
    assert render("vae.runbook_url", diverged()) == "https://docs/VaeNllDiverged"
    assert render("vae.dashboard_url", diverged()) == "https://grafana/d/run?var-run=bs4&from=now-1h"
    assert render("vae.outputs_url", diverged()) == "https://outputs/bs4"


def test_one_page_resolved(render: Callable[..., str]) -> None:
    over = diverged(resolved=True)

    assert render("vae.title", over) == "No longer firing: VaeNllDiverged, run bs4, after 12m30s"
    assert render("vae.text", over) == (
        "* No longer firing: VaeNllDiverged, run bs4, after 12m30s\n"
        "  Last seen: Run bs4 has diverged: NLL 0.45. Stop it."
    )
    assert render("vae.dashboard_url", over) == "https://grafana/d/run?var-run=bs4&from=now-1h"


def recovered(run: str = "bs4") -> dict[str, Any]:
    """Return the end of an alert whose last text is the one with which VaeNllDiverged ends."""
    (text,) = {
        expected["exp_annotations"]["summary"]
        for test in UNIT_TESTS
        for case in test.get("alert_rule_test", [])
        for expected in case["exp_alerts"] or []
        if " recovered: " in expected.get("exp_annotations", {}).get("summary", "")
    }
    return alert("VaeNllDiverged", run, resolved=True, summary=text.replace("Run r ", f"Run {run} "))


def test_a_page_whose_rule_said_that_the_run_recovered(render: Callable[..., str]) -> None:
    title = "Recovered: VaeNllDiverged, run bs4, after 12m30s"
    assert render("vae.title", recovered()) == title
    assert render("vae.text", recovered()) == (
        f"* {title}\n  Last seen: Run bs4 recovered: the NLL is back at 0.25. No action is needed."
    )
    assert render("vae.slack.title", recovered()) == title
    assert render("vae.slack.color", recovered()) == "good"


def test_a_run_whose_name_says_that_it_recovered_did_not(render: Callable[..., str]) -> None:
    over = diverged("x recovered: the NLL is back at 0.16. No action is needed.", resolved=True)
    assert render("vae.title", over).startswith("No longer firing: ")


def test_a_recovery_beside_an_alert_that_went_silent_is_not_green(render: Callable[..., str]) -> None:
    assert render("vae.slack.color", recovered(), nonfinite(resolved=True)) == "#888888"


def test_two_pages(render: Callable[..., str]) -> None:
    both = diverged(), nonfinite()

    title = "Run bs4 has diverged: NLL 0.45. Stop it. (1 of 2 alerts, also VaeLossNonfinite)"
    assert render("vae.title", *both) == title
    assert render("vae.slack.title", *both) == f"Page: {title}"
    assert render("vae.text", *both) == (
        "* Run bs4 has diverged: NLL 0.45. Stop it.\n"
        "  NLL 0.45 at step 437: above 0.30.\n"
        "  Resume from a checkpoint.\n"
        "* Run bs4 has a NaN loss. Stop it.\n"
        "  The loss rec is NaN at step 440.\n"
        "  Runbook: https://docs/VaeLossNonfinite"
    )


def test_two_pages_resolved(render: Callable[..., str]) -> None:
    title = render("vae.title", diverged(resolved=True), nonfinite(resolved=True))

    assert title == "No longer firing: VaeNllDiverged, run bs4, after 12m30s (1 of 2 alerts, also VaeLossNonfinite)"


def gone(*, ranks: int, resolved: bool = False) -> list[dict[str, Any]]:
    return [
        alert(
            "VaeExporterDown", resolved=resolved, summary=f"Rank {rank} is gone.", description="Check whether it runs."
        )
        for rank in range(ranks)
    ]


def test_the_title_names_each_further_alert_once(render: Callable[..., str]) -> None:
    """Alertmanager passes those of one name one after the other."""
    title = render("vae.title", *gone(ranks=3), diverged(), alert("VaeRunFailed"))

    assert title == "Rank 0 is gone. (1 of 5 alerts, also VaeNllDiverged, VaeRunFailed)"


def test_of_many_alerts_four_appear_in_full_and_eight_as_summaries(render: Callable[..., str]) -> None:
    """A killed run of 64 ranks is 64 alerts."""
    rest = "Showing 12 of 64 firing alerts. See all at http://alertmanager:9093"
    many = gone(ranks=64)

    assert render("vae.title", *many) == "Rank 0 is gone. (1 of 64 alerts)"
    assert render("vae.text", *many).splitlines() == [
        *(line for rank in range(4) for line in (f"* Rank {rank} is gone.", "  Check whether it runs.")),
        *(f"* Rank {rank} is gone." for rank in range(4, 12)),
        f"* {rest}",
    ]
    chat = render("vae.slack.text", *many).splitlines()
    assert chat.count("Check whether it runs.") == 4
    assert [line for line in chat if "is gone" in line] == [f"Rank {rank} is gone." for rank in range(1, 12)]
    assert chat[-1] == rest


def test_twelve_alerts_all_appear(render: Callable[..., str]) -> None:
    assert render("vae.text", *gone(ranks=12)).splitlines()[-1] == "* Rank 11 is gone."
    assert render("vae.slack.text", *gone(ranks=12)).splitlines()[-1] == "Rank 11 is gone."


def test_of_many_resolved_alerts_twelve_appear(render: Callable[..., str]) -> None:
    rest = "Showing 12 of 64 resolved alerts."
    many = gone(ranks=64, resolved=True)

    assert render("vae.text", *many).splitlines()[-2:] == ["  Last seen: Rank 11 is gone.", f"* {rest}"]
    assert render("vae.slack.text", *many).splitlines()[-3:] == ["Last seen: Rank 11 is gone.", "", rest]


def test_what_still_fires_comes_first(render: Callable[..., str]) -> None:
    both = diverged(resolved=True), nonfinite()

    assert render("vae.title", *both) == "Run bs4 has a NaN loss. Stop it."
    assert render("vae.text", *both) == (
        "* Run bs4 has a NaN loss. Stop it.\n"
        "  The loss rec is NaN at step 440.\n"
        "* No longer firing: VaeNllDiverged, run bs4, after 12m30s\n"
        "  Last seen: Run bs4 has diverged: NLL 0.45. Stop it."
    )
    assert render("vae.runbook_url", *both) == "https://docs/VaeLossNonfinite"


def test_a_run_without_outputs(render: Callable[..., str]) -> None:
    assert render("vae.outputs_url", nonfinite()) == ""
    assert "Outputs" not in render("vae.slack.text", nonfinite())


def test_an_alert_without_annotations(render: Callable[..., str]) -> None:
    bare = alert("SomeoneElses")

    assert render("vae.title", bare) == "SomeoneElses"
    assert render("vae.text", bare) == "* SomeoneElses"
    assert render("vae.slack.text", bare) == ""


def test_chat(render: Callable[..., str]) -> None:
    assert render("vae.slack.title", diverged()) == "Page: Run bs4 has diverged: NLL 0.45. Stop it."
    assert render("vae.slack.text", diverged()) == (
        "NLL 0.45 at step 437: above 0.30.\n"
        "Resume from a checkpoint.\n"
        "<https://docs/VaeNllDiverged|Runbook>\n"
        "<https://grafana/d/run?var-run=bs4&amp;from=now-1h|Dashboard>\n"
        "<https://outputs/bs4|Outputs>\n"
    )
    assert render("vae.slack.color", diverged()) == "danger"


def test_chat_about_a_ticket(render: Callable[..., str]) -> None:
    ticket = nonfinite()
    ticket["labels"]["severity"] = "ticket"

    assert render("vae.slack.title", ticket) == "Ticket: Run bs4 has a NaN loss. Stop it."
    assert render("vae.slack.color", ticket) == "warning"


def test_chat_about_a_resolved_alert(render: Callable[..., str]) -> None:
    over = diverged(resolved=True)

    assert render("vae.slack.title", over) == "No longer firing: VaeNllDiverged, run bs4, after 12m30s"
    assert render("vae.slack.text", over) == "Last seen: Run bs4 has diverged: NLL 0.45. Stop it.\n"
    assert render("vae.slack.color", over) == "#888888"


def test_chat_about_two(render: Callable[..., str]) -> None:
    assert render("vae.slack.text", diverged(), nonfinite()).splitlines()[-4:] == [
        "",
        "Run bs4 has a NaN loss. Stop it.",
        "The loss rec is NaN at step 440.",
        "<https://docs/VaeLossNonfinite|Runbook>",
    ]


def test_chat_about_a_firing_and_a_resolved_alert(render: Callable[..., str]) -> None:
    assert render("vae.slack.text", nonfinite(), diverged(resolved=True)).splitlines()[-3:] == [
        "",
        "No longer firing: VaeNllDiverged, after 12m30s",
        "Last seen: Run bs4 has diverged: NLL 0.45. Stop it.",
    ]


@pytest.mark.parametrize("run", NASTY)
@pytest.mark.parametrize("resolved", [False, True])
def test_a_page_about_a_run_with_a_nasty_name(render: Callable[..., str], run: str, *, resolved: bool) -> None:
    on_one_line = run.replace("\n", " ")

    title, text = (
        render("vae.title", diverged(run, resolved=resolved)),
        render("vae.text", diverged(run, resolved=resolved)),
    )

    assert on_one_line in title
    assert len(title.splitlines()) == 1
    assert on_one_line in text.splitlines()[0]


@pytest.mark.parametrize("run", NASTY)
@pytest.mark.parametrize("resolved", [False, True])
def test_a_page_is_not_valid_yaml(render: Callable[..., str], run: str, *, resolved: bool) -> None:
    """Newer Alertmanagers parse PagerDuty's details as YAML and expand the result as a template again."""
    bare = alert(run=run, resolved=resolved, summary=f"Run {run} has diverged: stop it")

    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(render("vae.text", bare))


@pytest.mark.parametrize("run", NASTY)
def test_chat_about_a_run_with_a_nasty_name(render: Callable[..., str], run: str) -> None:
    """To Slack, <!channel> notifies everyone, and <address|words> is a link."""
    links = ("<https://docs/VaeNllDiverged|Runbook>", "|Dashboard>", "<https://outputs/bs4|Outputs>")

    title, text = render("vae.slack.title", diverged(run)), render("vae.slack.text", diverged(run))

    assert not set(title) & set("<>")
    assert title.count("&") == sum(map(title.count, ("&amp;", "&lt;", "&gt;")))
    assert text.count("<") == text.count(">") == len(links)
    assert all(link in text for link in links)
