"""Whether the model overfits: the validation falls behind the training."""

from __future__ import annotations

from vae_rules.links import run_dashboard
from vae_rules.rule import Alert, Record, Section

RECORDS = Section(
    "The gap between the validation and the training",
    (
        Record(
            "run:vae_validation_gap:is_growing",
            """
              run:vae_validation_gap:lower_bound >= $overfit * run:vae_validation_gap:best
            and
              run:vae_validation_nll:mean > run:vae_validation_nll:best
            """,
            "Present while the validation is no longer improving and its gap to the training has grown $overfit times",
            why=(
                "The reference is the gap when the validation last improved, as in early stopping (Prechelt, "
                '"Early stopping - but when?", 1998): while a run converges, the validation improves.'
            ),
        ),
    ),
)

ALERT = Alert(
    "VaeValidationGap",
    "ticket",
    "run:vae_validation_nll:mean and run:vae_validation_gap:is_growing",
    keep_firing="10m",
    when="the validation is no longer improving, and its gap to the training has grown $overfit times: "
    "[the validation](#the-validation)",
    clears="10 minutes after",
    summary="""
        Run {{ $labels.run }} overfits: validation NLL [[value]] falls behind the training. Keep the checkpoint of its
        best validation.
    """,
    description="""
        The NLL of the last five evaluations is [[value]]
        {{- with <<run:vae_validation_gap:ratio{@run}>> }}, [[first %.3g]] times that of the training{{ end }}
        {{- with <<run:vae_validation:step{@run}>> }}; step [[first %.0f]]{{ end }}.
        {{- with <<run:vae_validation_nll:best{@run}>> }} At its best it was [[first %.3g]]{{ end }}
        {{- with <<run:vae_validation_gap:best{@run}>> }}, and [[first %.3g]] times that of the training when it last
        improved{{ end }}.
        The model improves on the clips that it is trained on and no longer on others. More or other data, augmentation
        or weight decay help; more steps do not. An easy stretch of the training data looks the same and passes.
    """,
    dashboard=run_dashboard("run:vae_validation_gap:ratio{@run}"),
)
