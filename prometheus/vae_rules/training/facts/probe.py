"""The fixed probe clip."""

from __future__ import annotations

from vae_rules.rule import Record, Section
from vae_rules.training.facts.aggregates import with_earlier

RECORDS = Section(
    "The probe clip",
    (
        Record(
            "run:vae_probe:step",
            "max by (run) (last_over_time(vae_probe_step[2m]))",
            "The step at which the probe was last evaluated",
        ),
        Record(
            "run:vae_probe:own_best",
            'avg by (run) (last_over_time(vae_probe_best_loss{component="nll"}[2m]))',
            "The lowest NLL of the probe in this process",
        ),
        Record(
            "run:vae_probe:best",
            with_earlier("run:vae_probe:best", "run:vae_probe:own_best", "min"),
            "The same, and for a resumed run of the processes of the day before",
            why="In a run that resumes from a bad checkpoint, the first probe is as bad as the later ones.",
        ),
        Record(
            "run:vae_probe_growth:ratio",
            """
                avg by (run) (last_over_time(vae_probe_loss{component="nll"}[2m]))
              /
                run:vae_probe:best
            and
              run:vae_step:max - run:vae_probe:step < run:vae_loss_window:steps
            """,
            "The NLL of the probe relative to its best, if it was evaluated within the newest long window",
        ),
        Record(
            "run:vae_probe_training_nll:mean",
            "avg by (run) (last_over_time(vae_probe_training_nll[2m]))",
            "The NLL of the training over the short window before the probe",
        ),
    ),
)
