"""The documentation says what is true."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[1]


def test_the_catalogue_names_each_metric_that_there_is_and_no_other() -> None:
    golden = (ROOT / "tests" / "data" / "metrics.txt").read_text()
    published = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(golden)
    }
    catalogue = (ROOT / "docs" / "metrics.md").read_text()
    assert set(re.findall(r"^\| `(vae_\w+)`", catalogue, re.MULTILINE)) == published


def test_every_link_between_the_pages_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert not broken
