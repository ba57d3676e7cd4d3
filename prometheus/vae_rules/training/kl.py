"""The KL divergence: posterior collapse, explosion, and a KL lowered at the cost of the reconstructions."""

from __future__ import annotations

from vae_rules.links import run_dashboard
from vae_rules.rule import Alert, Record, Section

_SYMPTOMS = {
    "collapse": "run:vae_kl:mean / run:vae_kl:start < $kl_collapse",
    "explosion": """
          run:vae_kl:mean / run:vae_kl:mean_3_before >= $kl_explosion
        unless
          run:vae_nll:is_converging
        or
          run:vae_kl:mean / run:vae_kl:start >= $kl_orders
        unless
          run:vae_kl:weight * run:vae_kl:mean <= $kl_crush_share * run:vae_total:mean
        """,
    "crush": """
          run:vae_nll:lower_bound / run:vae_nll:mean_before >= $multiplied
        and
          run:vae_total:mean <= $kl_crush_total * run:vae_total:mean_before
        and
          run:vae_kl:weight * run:vae_kl:mean_before > $kl_crush_share * run:vae_total:mean_before
        """,
}

RECORDS = Section(
    "The KL divergence",
    tuple(
        Record(
            "run:vae_kl_abnormal:ratio",
            expr,
            "The KL relative to its first value (`collapse`) or to three long windows before (`explosion`); the NLL "
            "relative to "
            "a long window before (`crush`)"
            if symptom == "collapse"
            else "",
            why="While a run converges, a growing KL means that the latents begin to carry information."
            if symptom == "explosion"
            else "",
            labels={"symptom": symptom},
        )
        for symptom, expr in _SYMPTOMS.items()
    ),
)

ALERT = Alert(
    "VaeKlAbnormal",
    "ticket",
    "run:vae_kl:mean and ignoring (symptom) run:vae_kl_abnormal:ratio",
    keep_firing="10m",
    when="the KL collapses, explodes, or is lowered at the cost of the reconstructions: [the KL](#the-kl)",
    clears="10 minutes after",
    summary="""
        Run {{ $labels.run }}: the KL
        {{- with <<run:vae_kl_abnormal:ratio{@run,symptom="crush"}>> }} falls at the cost of the reconstructions.
        Lower its weight.
        {{- else }}
        {{- with <<run:vae_kl_abnormal:ratio{@run,symptom="explosion"}>> }} is exploding ({{ humanize $value }}).
        Raise its weight or lower the learning rate.
        {{- else }} has collapsed ({{ humanize $value }}). Lower its weight.
        {{- end }}
        {{- end }}
    """,
    description="""
        The mean KL
        [[last steps]] is {{ humanize $value }}
        [[step]]
        [[learning rate]].
        {{- with <<run:vae_kl_abnormal:ratio{@run,symptom="collapse"}>> }}
        That is {{ . | first | value | humanizePercentage | reReplaceAll "([.]\\\\d)\\\\d+" "$1" }} of its first
        value: the latents
        carry almost no information (posterior collapse). Lower the KL weight or warm it up.
        {{- end }}
        {{- with <<run:vae_kl_abnormal:ratio{@run,symptom="explosion"}>> }}
        That is [[first %.3g]] times what it was. A decoder or a diffusion model cannot use such latents.
        Raise the KL weight or lower the learning rate.
        {{- end }}
        {{- with <<run:vae_kl_abnormal:ratio{@run,symptom="crush"}>> }}
        Within two long windows the total fell while the NLL rose to [[first %.2g]] times its value: the optimizer
        lowers the KL at the cost of the reconstructions. The KL weight is too high for this loss. Lower it or warm
        it up.
        {{- end }}
    """,
    dashboard=run_dashboard("run:vae_kl:mean{@run}"),
)
