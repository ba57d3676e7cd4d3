"""Write the dashboards: ``python -m vae_dashboards FOLDER``, where the folder's JSON files are made anew."""

from __future__ import annotations

import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from vae_dashboards.comparison import comparison
from vae_dashboards.fleet import fleet
from vae_dashboards.gpu_memory import gpu_memory
from vae_dashboards.run import run


def write(folder: Path) -> None:
    """Empty *folder* of JSON files, and write one for each dashboard, named by its uid."""
    dashboards = [make().build() for make in (run, fleet, comparison, gpu_memory)]
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for dashboard in dashboards:
        text = JSONEncoder(indent=2, sort_keys=True, ensure_ascii=False).encode(dashboard)
        (folder / f"{dashboard.uid}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
