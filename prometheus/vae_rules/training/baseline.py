"""What the run before had at the same place: hard data make both runs rise there."""

from __future__ import annotations

from vae_rules.rule import Record, Section


def _growth(name: str, at: str, about: str) -> Record:
    series = f'vae_baseline_growth_ratio{{at="{at}"}}'
    return Record(f"run:vae_baseline_growth:{name}", f"avg by (run) (last_over_time({series}[2m]))", about)


FACTS = Section(
    "The run before, at the same steps or the same data",
    (
        Record(
            "run:vae_baseline:mean",
            "avg by (run) (last_over_time(vae_baseline_loss_window_mean[2m]))",
            "The NLL of the run before over the same long window",
        ),
        _growth("ratio", "here", "The median of its short means there, relative to the level that it had held by then"),
        _growth("end_ratio", "end", "The same at its end"),
    ),
)

RECORDS = Section(
    "Check E: whether the run before rose at the same place",
    (
        Record(
            "run:vae_baseline:rose",
            """
              run:vae_baseline_growth:ratio >= $multiplied
            and
              run:vae_baseline_growth:end_ratio < $multiplied
            """,
            "Present while the run before was $multiplied times its level here, and fell back",
            why="A run that ended above its level had diverged: it explains nothing.",
        ),
        Record(
            "run:vae_baseline:explains",
            """
              run:vae_nll:mean >= $multiplied * run:vae_nll:level
            and
              run:vae_nll:mean <= $explained * run:vae_nll:level * run:vae_baseline_growth:ratio
            and
              run:vae_baseline:rose
            unless
              run:vae_probe_growth:ratio >= $calm
            """,
            "Present while the NLL has risen hardly more than that of the run before did here, and no probe objects",
        ),
    ),
)
