"""Write all generated files: ``python -m vae_rules [--identity cluster,run] [--root FOLDER]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_rules import FILES
from vae_rules.alertmanager import configurations
from vae_rules.identity import Identity
from vae_rules.judging_page import with_tables
from vae_rules.writing import rule_file


def generated(root: Path, identity: Identity) -> dict[Path, str]:
    """Return the content of every generated file below *root* by path."""
    page = root / "docs" / "judging.md"
    alertmanager = root / "alertmanager"
    return {
        **{root / "prometheus" / "rules" / f"{file.name}.yml": rule_file(file, identity) for file in FILES},
        **{alertmanager / name: text for name, text in configurations(alertmanager / "source", identity).items()},
        page: with_tables(page.read_text(encoding="utf-8"), FILES),
    }


def main() -> None:
    """Write the generated files."""
    parser = argparse.ArgumentParser(
        prog="vae_rules",
        description="Write the rules, Alertmanager's configurations and the tables of docs/judging.md.",
    )
    parser.add_argument(
        "--identity",
        type=Identity.parse,
        default=Identity(),
        metavar="LABEL,...",
        help="the labels that identify a run in your store, ending with run, such as cluster,run (default: run)",
    )
    parser.add_argument(
        "--root", type=Path, default=Path(), help="the clone of the repository (default: the current folder)"
    )
    options = parser.parse_args()
    for path, text in generated(options.root, options.identity).items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
