"""Test the report page: its parts, and that it is self-contained and has no scripts."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from recorded_runs import recorded_steps

from vae_exporter.advice import ALERTS, BANDS, NOT_JUDGED, SYMBOLS
from vae_exporter.report import Alert, Curve, GpuMemory, Report, render

EDGES = {"suspicious": 0.05, "excellent_min": 0.12, "excellent_max": 0.18, "good_max": 0.25, "bad": 0.3}
STEPS = tuple(float(step.number) for step in recorded_steps("bad_run"))
NLL = Curve(STEPS, tuple(step.losses["nll"] for step in recorded_steps("bad_run")))
REPORT = Report(
    run="bad_run",
    verdict="stop",
    reason="VaeNllDiverged",
    state="running",
    nll=NLL,
    edges=EDGES,
    contributions={"rec": Curve((1.0, 2.0), (0.1, 0.2)), "perception": Curve((1.0, 2.0), (0.05, 0.04))},
    alerts=(Alert("VaeNllDiverged", "page", 408.0, None, "It diverged.", "By much.", "https://example.org/runbook"),),
    outputs_url="https://example.org/samples",
)


class _Page(HTMLParser):
    """The tags, texts and URLs of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_shows_the_verdict_with_a_symbol_and_advice() -> None:
    words = _Page(render(REPORT)).words
    assert f"{SYMBOLS['stop']} Stop" in words
    assert "VaeNllDiverged" in words
    assert ALERTS["VaeNllDiverged"] in words


def test_advice_on_a_page_about_the_process_replaces_that_of_a_healthy_verdict() -> None:
    lost = replace(REPORT, verdict="healthy", reason="good", alerts=(Alert("VaeExporterDown", "page", 408.0),))
    words = _Page(render(lost)).words
    assert f"VaeExporterDown: {ALERTS['VaeExporterDown']}" in words
    assert BANDS["good"] not in words


def test_each_visible_band_is_labeled() -> None:
    labels = re.findall(r"<text[^>]*>([a-z]+)</text>", render(REPORT))
    assert {"suspicious", "low", "excellent", "good", "degraded", "bad"} <= set(labels)


def test_an_alert_has_a_number_in_the_figure_and_its_text_below() -> None:
    html = render(REPORT)
    assert re.search(r"<text[^>]*>1</text>", html)
    words = _Page(html).words
    assert "page, from step 408, still firing" in words
    assert "It diverged." in words
    assert "By much." in words


def test_an_alert_without_annotations_shows_advice() -> None:
    words = _Page(render(replace(REPORT, alerts=(Alert("VaeNllSpike", "ticket", 300.0, 320.0),)))).words
    assert "ticket, from step 300, until step 320" in words
    assert ALERTS["VaeNllSpike"] in words


def test_each_stage_is_labeled() -> None:
    assert re.findall(r"<text[^>]*>stage</text>", render(REPORT)) == []
    assert len(re.findall(r"<text[^>]*>stage</text>", render(replace(REPORT, stages=(300.0, 600.0))))) == 2


def test_alerts_at_one_step_share_a_label() -> None:
    alerts = tuple(Alert(name, "ticket", 300.0) for name in ("VaeNllSpike", "VaeNllRising"))
    assert re.search(r"<text[^>]*>1 2</text>", render(replace(REPORT, alerts=alerts)))


def test_components_and_memory_layers_are_labeled() -> None:
    memory = GpuMemory("GPU-1", 80 * 2.0**30, {"allocated": Curve((0.0, 9.0), (3e10, 4e10))})
    labels = re.findall(r"<text[^>]*>([a-z ]+)</text>", render(replace(REPORT, gpu_memory=(memory,))))
    assert {"rec", "perception", "allocated", "capacity"} <= set(labels)


def test_labels_of_small_components_do_not_overlap() -> None:
    """This is the case in every run that starts at 8 and ends at 0.15."""
    falls = Curve((1.0, 2.0), (5.0, 0.1))
    html = render(replace(REPORT, alerts=(), contributions={"rec": falls, "perception": falls}))
    rec, perception = (
        float(re.findall(rf'y="([\d.]+)"[^>]*>{name}</text>', html)[0]) for name in ("rec", "perception")
    )
    assert rec - perception >= 9.5  # the font size


def test_labels_of_a_full_gpu_stay_inside_the_figure() -> None:
    """torch's cache fills the GPU in normal operation."""
    full = {name: Curve((1.0, 2.0), (7.9e10, 7.9e10)) for name in ("used", "reserved", "peak", "allocated")}
    html = render(replace(REPORT, gpu_memory=(GpuMemory("GPU-1", 8e10, full),)))
    names = ("allocated", "peak", "reserved", "used", "capacity")
    heights = sorted(float(re.findall(rf'y="([\d.]+)"[^>]*>{name}</text>', html)[0]) for name in names)
    assert heights[0] >= 9.5
    assert [low for low, high in pairwise(heights) if high - low < 9.5] == []


def test_figures_scroll_instead_of_shrinking_on_a_phone() -> None:
    style = render(REPORT).partition("</style>")[0]
    assert re.search(r"@media \(max-width: 44rem\) \{ figure \{ overflow-x: auto \} svg \{[^}]*width: 44rem", style)


def test_a_run_without_data_says_what_is_missing() -> None:
    words = _Page(render(Report(run="new"))).words
    assert "Not judged" in words
    assert NOT_JUDGED in words
    assert "first 100 steps" in words
    assert "No alert has fired." in words
    assert "loss_weights" in words


def test_a_loss_far_above_its_bands_gets_a_logarithmic_scale() -> None:
    high = replace(REPORT, nll=Curve((100.0, 200.0, 300.0), (8.0, 2.0, 0.2)))
    html = render(high)
    assert "the scale is logarithmic" in html
    assert "excellent" in re.findall(r"<text[^>]*>([a-z]+)</text>", html)
    assert "the scale is logarithmic" not in render(REPORT)


def test_the_page_is_self_contained_and_has_no_scripts() -> None:
    page = _Page(render(REPORT))
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert {address for address in page.addresses if not address.startswith("#")} == {
        "https://example.org/runbook",
        "https://example.org/samples",
    }
    assert not re.search(r"url\((?!#)|@import", render(REPORT))


def test_every_color_of_a_figure_is_in_the_style_sheet() -> None:
    html = render(replace(REPORT, gpu_memory=(GpuMemory("GPU-1", 8e10, {"allocated": NLL}),)))
    style, _, body = html.partition("</style>")
    assert set(re.findall(r"var\((--[\w-]+)\)", html)) - {"--tone"} <= set(re.findall(r"(--[\w-]+):", style))
    assert re.findall(r"(?:fill|stroke): #\w+", body) == []


def test_figures_have_unique_ids() -> None:
    cards = tuple(GpuMemory(f"GPU-{number}", 8e10, {"allocated": NLL}) for number in range(2))
    ids = re.findall(r'\bid="([^"]+)"', render(replace(REPORT, gpu_memory=cards)))
    assert len(ids) == len(set(ids)) > 0


@pytest.mark.parametrize("name", ['<script>alert("1")</script>', "a&b", "$x$ {run} {0}", "a\nb", "--><b>"])
def test_any_name_is_escaped(name: str) -> None:
    alert = Alert("VaeNllDiverged", "page", 400.0, None, name, name, "javascript:alert(1)")
    memory = GpuMemory(name, None, {"allocated": Curve((0.0, 1.0), (1e9, 2e9))})
    page = _Page(render(replace(REPORT, run=name, alerts=(alert,), gpu_memory=(memory,), outputs_url="javascript:1")))
    assert page.words.count(name) >= 4
    assert "script" not in page.tags
    assert not [address for address in page.addresses if address.startswith("javascript")]


def test_the_page_is_deterministic() -> None:
    assert render(REPORT) == render(REPORT)


def test_curves_are_split_where_the_run_resumed() -> None:
    there, back = Curve((100.0, 500.0), (0.2, 0.2)), Curve((100.0, 500.0, 200.0, 600.0), (0.2, 0.2, 0.3, 0.3))
    curves = [render(replace(REPORT, alerts=(), nll=curve)).count("stroke: var(--curve)") for curve in (there, back)]
    assert curves == [1, 2]


def test_a_curve_must_have_one_value_per_step() -> None:
    with pytest.raises(ValueError, match="got 1 values for 2 steps"):
        Curve((1.0, 2.0), (0.1,))
