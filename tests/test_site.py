"""The documentation as a site, built as `make docs` builds it."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

GITHUB = "https://github.com/vae-exporter/vae-exporter"


class _Addresses(HTMLParser):
    """What a page links to, and what a browser loads to show it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        address = attributes.get("src") or attributes.get("href")
        if address is None:
            return
        if tag == "a" or attributes.get("rel") in {"canonical", "prev", "next", "edit"}:
            self.links.add(address)
        else:
            self.loaded.add(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def addresses(page: Path) -> _Addresses:
    return _Addresses((page / "index.html").read_text())


def test_the_readme_is_the_home_page_and_links_to_the_other_pages(site: Path) -> None:
    home = addresses(site)
    assert {"training/", "judging/", "contributing/"} <= home.links
    assert "images/report.png" in home.loaded


def test_a_link_to_another_file_of_the_repository_leads_to_github(site: Path) -> None:
    assert f"{GITHUB}/blob/main/prometheus/rules/training.yml" in addresses(site / "judging").links
    assert f"{GITHUB}/tree/main/examples" in addresses(site / "training").links
    assert f"{GITHUB}/blob/main/LICENSE" in addresses(site).links


def test_the_reference_describes_what_a_training_loop_calls(site: Path) -> None:
    documented = {link for link in addresses(site / "api").links if link.startswith("#vae_exporter.")}
    methods = {
        "start",
        "observe",
        "observe_log",
        "observe_probe",
        "observe_reconstruction",
        "paused",
        "close",
        "url",
    }
    assert {f"#vae_exporter.TrainingExporter.{method}" for method in methods} <= documented


def test_a_browser_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = [_Addresses(page.read_text()) for page in site.rglob("*.html")]
    assert {address for page in pages for address in page.loaded if "//" in address} == set()


def test_no_page_asks_github_for_stars_and_forks(site: Path) -> None:
    # The theme's script asks where an element has this mark.
    assert [page for page in site.rglob("*.html") if 'data-md-component="source"' in page.read_text()] == []
    scripts = [script.read_text() for script in site.rglob("bundle.*.js")]
    assert any('"source"' in script and "api.github.com" in script for script in scripts)
