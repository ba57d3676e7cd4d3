"""Check C, the confidence gap: the NLL is good, but the reconstructions are not."""

from __future__ import annotations

from vae_rules.links import run_dashboard
from vae_rules.rule import Alert, Record, Section

_SYMPTOMS = {
    "blurred": "run:vae_reconstruction_sharpness:ratio < run:vae_sharpness:edge_min and run:vae_nll:is_good",
    "averaged_colours": """
          run:vae_rec:mean < run:vae_rec:edge_min
        and
          run:vae_perception:contribution > run:vae_rec:contribution
        and
          run:vae_nll:is_good
        unless
          run:vae_reconstruction_sharpness:ratio >= run:vae_sharpness:edge_min
        """,
    "rec_hidden": "run:vae_rec:mean > run:vae_rec:edge_max and run:vae_nll:is_good",
    "perception_hidden": "run:vae_perception:mean > run:vae_perception:edge_max and run:vae_nll:is_good",
}

RECORDS = Section(
    "Check C: reconstructions that are worse than the NLL suggests",
    (
        Record(
            "run:vae_nll:is_good",
            "run:vae_nll:mean <= run:vae_nll:edge_good_max",
            "Present while the NLL is good or better",
        ),
        *(
            Record(
                "run:vae_confidence_gap",
                expr,
                "The value that contradicts a good NLL: sharpness (`blurred`), rec (`averaged_colours`, "
                "`rec_hidden`) or perception (`perception_hidden`)"
                if symptom == "blurred"
                else "",
                labels={"symptom": symptom},
            )
            for symptom, expr in _SYMPTOMS.items()
        ),
    ),
)

ALERT = Alert(
    "VaeConfidenceGap",
    "ticket",
    "run:vae_nll:mean and ignoring (symptom) run:vae_confidence_gap",
    keep_firing="10m",
    when="the NLL is good but the reconstructions are not: [check C](#check-c)",
    clears="10 minutes after",
    summary="""
        Run {{ $labels.run }}: NLL [[value]] is good but the reconstructions are not:
        {{- with <<run:vae_confidence_gap{@run,symptom="blurred"}
        and ignoring (symptom) run:vae_reconstruction_contrast:ratio{@run} < $flat>> }}
        black or gray. Stop it if the inputs are not flat.
        {{- else }}
        {{- with <<run:vae_confidence_gap{@run,symptom="blurred"}>> }} blurred. If that lasts, raise the perception
        weight.
        {{- else }}
        {{- with <<run:vae_confidence_gap{@run,symptom="averaged_colours"}>> }} averaged colors. Raise the perception
        weight.
        {{- else }} {{ with <<run:vae_confidence_gap{@run,symptom="rec_hidden"}>> }}rec{{ else }}perception{{ end }}
        is too high. Check outputs and weights.
        {{- end }}
        {{- end }}
        {{- end }}
    """,
    description="""
        The mean NLL of the last 100 steps is [[value]]
        {{- with <<run:vae_nll:edge_good_max{@run}>> }} (good: [[first %.3g]] or less){{ end }}
        [[step]].
        {{- with <<run:vae_confidence_gap{@run,symptom="blurred"}>> }}
        The outputs have only [[first %.2f]] of the sharpness of the inputs
        {{- with <<run:vae_sharpness:edge_min{@run}>> }} (edge: [[first %.3g]]){{ end }}.
        {{- with <<run:vae_reconstruction_contrast:ratio{@run} < $flat>> }} They have [[first %.2f]] of the contrast of
        the inputs: a black or gray screen. If the inputs are not flat, the model has collapsed. Stop the run.
        {{- else }} Blurred outputs are normal early in a run. If they get no sharper, raise the perception weight.
        {{- end }}
        {{- end }}
        {{- with <<run:vae_confidence_gap{@run,symptom="averaged_colours"}>> }}
        The rec loss is very low ([[first %.2g]]) and perception makes up most of the NLL: the model averages colors,
        which
        looks blurred. Raise the perception weight.
        {{- end }}
        {{- with <<run:vae_confidence_gap{@run,symptom="rec_hidden"}>> }}
        The rec loss is [[first %.2g]], above its own edge
        {{- with <<run:vae_rec:edge_max{@run}>> }} ([[first %.3g]]){{ end }}, which the sum hides. Colors and
        shapes are wrong.
        {{- end }}
        {{- with <<run:vae_confidence_gap{@run,symptom="perception_hidden"}>> }}
        The perception loss is [[first %.2g]], above its own edge
        {{- with <<run:vae_perception:edge_max{@run}>> }} ([[first %.3g]]){{ end }}, which the sum hides. Textures look
        unnatural.
        {{- end }}
    """,
    dashboard=run_dashboard("run:vae_reconstruction_sharpness:ratio{@run}"),
)
