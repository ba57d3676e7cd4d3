"""The documentation says what is true."""

from __future__ import annotations

import re
from pathlib import Path

from scraping import metric_names

ROOT = Path(__file__).parents[1]


def test_the_catalogue_names_each_metric_that_there_is_and_no_other() -> None:
    golden = (ROOT / "tests" / "data" / "metrics.txt").read_text()
    catalogue = (ROOT / "docs" / "metrics.md").read_text()
    assert set(re.findall(r"^\| `(vae_\w+)`", catalogue, re.MULTILINE)) == metric_names(golden)


def test_every_link_between_the_pages_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert not broken
