"""How the reconstructions compare with their inputs."""

from __future__ import annotations

from vae_rules.rule import Record, Section

RECORDS = Section(
    "The reconstructions, if they were compared within the last $reconstruction_age steps",
    (
        Record(
            "run:vae_reconstruction_age:steps",
            "run:vae_step:max - max by (run) (last_over_time(vae_reconstruction_step[2m]))",
            "How many steps ago the reconstructions were last compared with their inputs",
        ),
        *(
            Record(
                f"run:vae_reconstruction_{name}:ratio",
                f"""
                  avg by (run) (last_over_time(vae_reconstruction_{name}_ratio[2m]))
                and
                  run:vae_reconstruction_age:steps <= $reconstruction_age
                """,
                f"The {name} of the reconstructions relative to that of their inputs",
            )
            for name in ("sharpness", "contrast")
        ),
    ),
)
