"""The verdict: healthy, converging, watch or stop, with the alert or band that decided it."""

from __future__ import annotations

from vae_exporter.vocabulary import VERDICTS
from vae_rules.rule import Record, Section

_TICKETS = {
    "VaeNllRising": "run:vae_nll:is_climbing or run:vae_nll:is_exploding",
    "VaeNllSpike": "run:vae_nll:is_spiking",
    "VaeNllSuspicious": "run:vae_nll:is_suspicious or run:vae_nll:started_low",
    "VaeConfidenceGap": "ignoring (symptom) run:vae_confidence_gap",
    "VaeLossSumMismatch": "run:vae_nll_sum:is_too_low or run:vae_nll_sum:is_too_high",
    "VaeKlAbnormal": "ignoring (symptom) run:vae_kl_abnormal:ratio",
    "VaeNllNeverGood": "run:vae_nll:was_never_good",
    "VaeRunUnjudged": "run:vae_run:is_unjudged",
}
"""The tickets about the training, each with its condition."""


def _ticket(reason: str, condition: str) -> Record:
    expr = f"run:vae_run:present and ({condition})" if " or " in condition else f"run:vae_run:present and {condition}"
    about = "1 while the condition of the ticket *reason* holds" if reason == next(iter(_TICKETS)) else ""
    return Record("run:vae_ticket:bool", expr, about, labels={"reason": reason})


def _verdict(verdict: str, expr: str, about: str = "", reason: str = "") -> Record:
    labels = {"verdict": verdict} | ({"reason": reason} if reason else {})
    return Record("run:vae_verdict", expr, about, labels=labels)


RECORDS = Section(
    "The verdict: one per run, with the alert or band that decided it",
    (
        *(_ticket(reason, condition) for reason, condition in _TICKETS.items()),
        Record(
            "run:vae_run:must_stop",
            "run:vae_nll_diverged:bool == 1 or run:vae_loss_nonfinite:bool == 1",
            "1 while a page about the loss fires",
        ),
        Record(
            "run:vae_verdict:band",
            'group without (band) (label_replace(run:vae_nll_band, "reason", "$1", "band", "(.+)"))',
            "1, labeled with the band as the reason",
            more_labels=("reason",),
        ),
        _verdict(
            "stop", "run:vae_nll_diverged:bool == 1", "1, labeled with the verdict of the run", reason="VaeNllDiverged"
        ),
        _verdict(
            "stop",
            "run:vae_loss_nonfinite:bool == 1 unless run:vae_nll_diverged:bool == 1",
            reason="VaeLossNonfinite",
        ),
        _verdict(
            "converging",
            "run:vae_run:present and run:vae_nll:is_converging unless run:vae_run:must_stop",
            reason="converging",
        ),
        _verdict(
            "watch",
            """
              (
                  topk without (reason) (1, run:vae_ticket:bool)
                or ignoring (reason)
                  run:vae_verdict:band{reason=~"suspicious|degraded|bad"}
              )
            unless ignoring (reason)
              run:vae_run:must_stop
            unless ignoring (reason)
              run:vae_nll:is_converging
            """,
        ),
        _verdict(
            "healthy",
            """
              run:vae_verdict:band{reason=~"low|excellent|good"}
            unless ignoring (reason)
              run:vae_run:must_stop
            unless ignoring (reason)
              run:vae_ticket:bool
            """,
        ),
        Record(
            "run:vae_verdict:code",
            "max without (verdict, reason) (\n"
            + "\n".join(
                f'  {"or" if code else "  "} {code} * run:vae_verdict{{verdict="{verdict}"}}'
                for verdict, code in VERDICTS.items()
            )
            + "\n)",
            "The verdict as a number: " + ", ".join(f"{code} {verdict}" for verdict, code in VERDICTS.items()),
        ),
    ),
)
