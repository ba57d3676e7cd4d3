"""Write all generated files: ``python -m vae_rules [--identity cluster,run] [--alert-labels team]``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vae_rules import FILES
from vae_rules.alert_labels import parse_alert_labels, with_alert_labels
from vae_rules.alertmanager import configurations
from vae_rules.identity import Identity
from vae_rules.inlining import with_pages_inlined
from vae_rules.judging_page import with_tables
from vae_rules.kubernetes import prometheus_rule
from vae_rules.writing import rule_file

if TYPE_CHECKING:
    from collections.abc import Sequence


def generated(
    root: Path,
    identity: Identity,
    *,
    max_rules: int | None = None,
    alert_labels: Sequence[str] = (),
    inlines_pages: bool = False,
) -> dict[Path, str]:
    """Return the content of every generated file below *root* by path."""
    files = with_alert_labels(with_pages_inlined(FILES) if inlines_pages else FILES, alert_labels)
    page = root / "docs" / "judging.md"
    alertmanager = root / "alertmanager"
    rules = root / "prometheus" / "rules"
    objects = root / "deploy" / "kubernetes" / "base" / "rules"
    return {
        **{rules / f"{file.name}.yml": rule_file(file, identity, max_rules) for file in files},
        **{objects / f"{file.name}.yaml": prometheus_rule(file, identity, max_rules) for file in files},
        **{alertmanager / name: text for name, text in configurations(alertmanager / "source", identity).items()},
        page: with_tables(page.read_text(encoding="utf-8"), FILES),
    }


def _whole_number(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or more, got {text!r}")
    return int(text)


def main() -> None:
    """Write the generated files."""
    parser = argparse.ArgumentParser(
        prog="vae_rules",
        description=(
            "Write the rules, for Prometheus and for its operator, Alertmanager's configurations and the tables of "
            "docs/judging.md."
        ),
    )
    parser.add_argument(
        "--identity",
        type=Identity.parse,
        default=Identity(),
        metavar="LABEL,...",
        help="the labels that identify a run in your store, ending with run, such as cluster,run (default: run)",
    )
    parser.add_argument(
        "--alert-labels",
        type=parse_alert_labels,
        default=(),
        metavar="LABEL,...",
        help="labels of info= that the alerts of a run get, such as team, to route them (default: none)",
    )
    parser.add_argument(
        "--max-rules",
        type=_whole_number,
        metavar="N",
        help="the most rules in a group, for a ruler with a limit, such as 20 for Mimir (default: one group a file)",
    )
    parser.add_argument(
        "--inline-pages",
        action="store_true",
        help="let pages wait for no recorded parts, for a ruler that reads these late, such as vmalert",
    )
    parser.add_argument(
        "--root", type=Path, default=Path(), help="the clone of the repository (default: the current folder)"
    )
    options = parser.parse_args()
    files = generated(
        options.root,
        options.identity,
        max_rules=options.max_rules,
        alert_labels=options.alert_labels,
        inlines_pages=options.inline_pages,
    )
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
