"""Write the dashboards: ``python -m vae_dashboards FOLDER [--identity cluster,run] [--pictures]``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from vae_dashboards.clusters import of_clusters
from vae_dashboards.comparison import comparison
from vae_dashboards.fleet import fleet
from vae_dashboards.gpu_memory import gpu_memory
from vae_dashboards.run import run
from vae_rules.identity import Identity


def dashboards(identity: Identity, *, has_pictures: bool = False) -> dict[str, dict[str, Any]]:
    """Return the JSON of each dashboard by its uid, for runs that the labels of *identity* identify."""
    boards = (run(has_pictures=has_pictures), fleet(), comparison(), gpu_memory())
    built = [board.build() for board in boards]
    return {
        str(one.uid): of_clusters(json.loads(JSONEncoder(ensure_ascii=False).encode(one)), identity) for one in built
    }


def write(folder: Path, identity: Identity, *, has_pictures: bool = False) -> None:
    """Replace the JSON files in *folder* with one file for each dashboard, named by its uid."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for uid, dashboard in dashboards(identity, has_pictures=has_pictures).items():
        text = json.dumps(dashboard, indent=2, sort_keys=True, ensure_ascii=False)
        (folder / f"{uid}.json").write_text(f"{text}\n", encoding="utf-8")


def main() -> None:
    """Parse the command line, and write the dashboards."""
    parser = argparse.ArgumentParser(prog="vae_dashboards", description="Write Grafana's dashboards.")
    parser.add_argument("folder", type=Path, help="where to write the dashboards; existing JSON files are removed")
    parser.add_argument(
        "--identity",
        type=Identity.parse,
        default=Identity(),
        metavar="LABEL,...",
        help="the labels that identify a run in your store, ending with run, such as cluster,run (default: run)",
    )
    parser.add_argument(
        "--pictures",
        action="store_true",
        help="show the pictures at the outputs_url of a run; the browser loads them from there",
    )
    options = parser.parse_args()
    write(options.folder, options.identity, has_pictures=options.pictures)


if __name__ == "__main__":
    main()
