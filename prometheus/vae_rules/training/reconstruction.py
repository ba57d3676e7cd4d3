"""Check C, the confidence gap: the NLL looks good, and the reconstructions do not."""

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
          run:vae_perception:mean > $averaged_perception
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
            "run:vae_nll:mean <= run:vae_nll:edge_good_max unless run:vae_nll:bands_unfit",
            "Present while the NLL is good or better",
        ),
        *(
            Record(
                "run:vae_confidence_gap",
                expr,
                "The sharpness (`blurred`), rec (`averaged_colours`, `rec_hidden`) or perception "
                "(`perception_hidden`) that "
                "contradicts a good NLL"
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
    when="the NLL is good, and the reconstructions are not: [check C](#check-c)",
    clears="10 minutes after",
    summary="""
        Run {{ $labels.run }}: NLL [[value]] is good, the reconstructions are not:
        {{- with <<run:vae_confidence_gap{@run,symptom="blurred"}
        and ignoring (symptom) run:vae_reconstruction_contrast:ratio{@run} < $flat>> }}
        a black or gray screen. If the inputs are not, stop it.
        {{- else }}
        {{- with <<run:vae_confidence_gap{@run,symptom="blurred"}>> }} blurred. If that stays, raise the perception
        weight.
        {{- else }}
        {{- with <<run:vae_confidence_gap{@run,symptom="averaged_colours"}>> }} averaged colours. Raise the perception
        weight.
        {{- else }} {{ with <<run:vae_confidence_gap{@run,symptom="rec_hidden"}>> }}rec{{ else }}perception{{ end }}
        is too high. Check the outputs and the weights.
        {{- end }}
        {{- end }}
        {{- end }}
    """,
    description="""
        The mean NLL of the last 100 steps is [[value]]
        {{- with <<run:vae_nll:edge_good_max{@run}>> }}, not above [[first %.3g]] (good){{ end }}
        [[step]]. But:
        {{- with <<run:vae_confidence_gap{@run,symptom="blurred"}>> }}
        the outputs have [[first %.2f]] of the sharpness of the inputs, less than
        {{- with <<run:vae_sharpness:edge_min{@run}>> }} [[first %.3g]]{{ end }}.
        {{- with <<run:vae_reconstruction_contrast:ratio{@run} < $flat>> }} They are flat, with [[first %.2f]] of the
        contrast of the
        inputs: a black or gray screen. If the inputs are not flat, the model has collapsed: stop the run.
        {{- else }} They are blurred, as those of a young run are. If they get no sharper, raise the perception weight.
        {{- end }}
        {{- end }}
        {{- with <<run:vae_confidence_gap{@run,symptom="averaged_colours"}>> }}
        rec is very low ([[first %.2g]]) and perception is most of the sum: the model averages colours, which looks
        blurred.
        Raise the perception weight.
        {{- end }}
        {{- with <<run:vae_confidence_gap{@run,symptom="rec_hidden"}>> }}
        rec is [[first %.2g]], above its own edge
        {{- with <<run:vae_rec:edge_max{@run}>> }} ([[first %.3g]]){{ end }}, which the sum hides. Colours and shapes
        are off.
        {{- end }}
        {{- with <<run:vae_confidence_gap{@run,symptom="perception_hidden"}>> }}
        perception is [[first %.2g]], above its own edge
        {{- with <<run:vae_perception:edge_max{@run}>> }} ([[first %.3g]]){{ end }}, which the sum hides. Textures
        look unnatural.
        {{- end }}
    """,
    dashboard=run_dashboard("run:vae_reconstruction_sharpness:ratio{@run}"),
)
