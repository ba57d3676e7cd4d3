"""The README as PyPI shows it, where no file stands beside it."""

from __future__ import annotations

import re
from email.parser import Parser
from typing import TYPE_CHECKING
from zipfile import ZipFile

from built_wheel import build_wheel

from vae_exporter import __version__

if TYPE_CHECKING:
    from pathlib import Path

REPOSITORY = "vae-exporter/vae-exporter"


def test_links_and_pictures_come_from_the_release_on_github(tmp_path: Path) -> None:
    with ZipFile(build_wheel(tmp_path)) as wheel:
        (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        readme = Parser().parsestr(wheel.read(metadata).decode()).get_payload()
    assert isinstance(readme, str)
    links = set(re.findall(r"\]\(([^)\s]+)\)", readme))
    assert {link for link in links if "://" not in link} == set()
    assert f"https://github.com/{REPOSITORY}/blob/v{__version__}/docs/training.md" in links
    assert f"https://raw.githubusercontent.com/{REPOSITORY}/v{__version__}/docs/images/report.png" in links
