"""The verdict: healthy, converging, watch or stop, with the alert or band that decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter.vocabulary import NO_BAND, VERDICTS
from vae_rules.rule import Record, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

_PAGES = ("VaeRunFailed", "VaeExporterDown", "VaeGpuFailing", "VaeGpuOutOfMemory", "VaeTrainingStalled")
"""The pages of the other files, the gravest first."""

_TICKETS = {
    "VaeExporterVersion": "run:vae_exporter:is_misfit",
    "VaeNllRising": "run:vae_nll:is_climbing or run:vae_nll:is_exploding or run:vae_nll:has_doubled",
    "VaeKlAbnormal": "run:vae_kl_abnormal:ratio",
    "VaeRankDiverged": "run_rank:vae_nll:stands_out",
    "VaeNllSuspicious": "run:vae_nll:is_suspicious or run:vae_nll:started_low",
    "VaeConfidenceGap": "run:vae_confidence_gap",
    "VaeValidationGap": "run:vae_validation_gap:is_growing",
    "VaeNllSpike": "run:vae_nll:is_spiking",
    "VaeRunUnjudged": "run:vae_run:is_unjudged",
    "VaeBandsUnfit": "run:vae_nll:bands_unfit unless run:vae_nll:has_declared_scale",
    "VaeLossSumMismatch": "run:vae_nll_sum:is_too_low or run:vae_nll_sum:is_too_high",
    "VaeLossSparse": "run:vae_nll:is_sparse",
}
"""The tickets about the training, the gravest first, and the condition of each."""


def _gravest(series: str, reasons: Sequence[str]) -> str:
    return "\n".join(
        f'{"or ignoring (reason)" if index else "                    "} {series}{{reason="{reason}"}}'
        for index, reason in enumerate(reasons)
    )


def _ticket(gravity: int, reason: str, condition: str) -> Record:
    about = "While the condition of the ticket *reason* holds: how grave it is" if gravity == len(_TICKETS) + 1 else ""
    expr = f"{gravity} * group without (rank, symptom) (\n  {condition}\n)"
    return Record("run:vae_ticket:gravity", expr, about, labels={"reason": reason})


def _verdict(verdict: str, expr: str, about: str = "", reason: str = "") -> Record:
    labels = {"verdict": verdict} | ({"reason": reason} if reason else {})
    return Record("run:vae_verdict", expr, about, labels=labels)


RECORDS = Section(
    "The verdict: one per run, with the alert or band that decided it",
    (
        *(
            _ticket(len(_TICKETS) + 1 - index, reason, condition)
            for index, (reason, condition) in enumerate(_TICKETS.items())
        ),
        Record(
            "run:vae_page:gravest",
            _gravest("run:vae_page:bool", _PAGES),
            "1 while a page of the other files fires, with the gravest as the reason",
            more_labels=("reason",),
        ),
        Record(
            "run:vae_run:must_stop",
            "run:vae_nll_diverged:bool == 1 or run:vae_loss_nonfinite:bool == 1",
            "1 while a page about the loss fires",
        ),
        Record(
            "run:vae_run:has_page",
            "run:vae_run:must_stop or group without (reason) (run:vae_page:gravest)",
            "1 while any page about the run fires",
        ),
        Record(
            "run:vae_verdict:band",
            'group without (band) (label_replace(run:vae_nll_band, "reason", "$1", "band", "(.+)"))',
            "1, labeled with the band as the reason",
            more_labels=("reason",),
        ),
        Record(
            "run:vae_ticket:gravest",
            "group without () (topk without (reason) (1, run:vae_ticket:gravity))",
            "1, with the gravest ticket of the run as the reason",
            more_labels=("reason",),
        ),
        _verdict("stop", "run:vae_nll_diverged:bool == 1", "1, on the verdict of the run", reason="VaeNllDiverged"),
        _verdict(
            "stop",
            "run:vae_loss_nonfinite:bool == 1 unless run:vae_nll_diverged:bool == 1",
            reason="VaeLossNonfinite",
        ),
        _verdict(
            "stop",
            """
              run:vae_page:gravest
            unless ignoring (reason)
              run:vae_run:must_stop
            """,
        ),
        _verdict(
            "converging",
            "group without () (run:vae_nll:is_converging) unless run:vae_run:has_page",
            reason="converging",
        ),
        _verdict(
            "watch",
            """
              (
                  run:vae_ticket:gravest
                or ignoring (reason)
                  run:vae_verdict:band{reason=~"suspicious|degraded|bad"}
              )
            unless ignoring (reason)
              run:vae_run:has_page
            unless ignoring (reason)
              run:vae_nll:is_converging
            """,
        ),
        _verdict(
            "healthy",
            f"""
              (
                  run:vae_verdict:band{{reason=~"low|excellent|good"}}
                or ignoring (reason)
                  label_replace(run:vae_nll:mean * 0 + 1 and run:vae_nll:bands_unfit, "reason", "{NO_BAND}", "", "")
              )
            unless ignoring (reason)
              run:vae_run:has_page
            unless ignoring (reason)
              run:vae_ticket:gravity
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
