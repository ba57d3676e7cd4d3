"""The fixed probe clip."""

from __future__ import annotations

from vae_rules.rule import Record, Section

RECORDS = Section(
    "The probe clip",
    (
        Record(
            "run:vae_probe:step",
            "max by (run) (last_over_time(vae_probe_step[2m]))",
            "The step at which the probe was last evaluated",
        ),
        Record(
            "run:vae_probe_growth:ratio",
            """
                avg by (run) (last_over_time(vae_probe_loss{component="nll"}[2m]))
              /
                avg by (run) (last_over_time(vae_probe_best_loss{component="nll"}[2m]))
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
