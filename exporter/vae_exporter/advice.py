"""One line of advice for each alert and each band, shown on the report and the dashboards.

The annotations of an alert have the numbers, and its runbook has the full procedure.
"""

from __future__ import annotations

from vae_exporter.vocabulary import NO_BAND, VERDICTS

SYMBOLS = dict(zip(VERDICTS, "✓↘!✕", strict=True))
"""A symbol for each verdict, because color alone is not accessible."""

NOT_JUDGED = "Not judged yet. The first verdict comes after 100 steps."

BANDS = {
    "suspicious": "Check the outputs now. An NLL this low usually means black frames or one memorized clip.",
    "low": "No action needed. Better than the target, as is usual late in training. Check the outputs occasionally.",
    "excellent": "No action needed. This is the target: sharp, smooth video.",
    "good": "No action needed. Acceptable: soft, with some flicker. It may still improve.",
    "converging": "Wait. The NLL starts high and should drop. A ticket is opened if it does not.",
    "degraded": "Watch this run. The NLL is worse than acceptable. Check its trend and the outputs.",
    NO_BAND: "No action needed. The NLL is near its own level; no bands fit its scale.",
    "bad": "Check the outputs and be ready to stop. Expect gray frames or noise.",
}

ALERTS = {
    "VaeNllDiverged": "Stop the run. Resume from a checkpoint before the NLL rose, with a lower learning rate.",
    "VaeLossNonfinite": "Stop the run. Resume from a checkpoint before the first NaN, with a lower learning rate.",
    "VaeTrainingStalled": "Find where it hangs (py-spy dump), then restart from the last checkpoint.",
    "VaeExporterDown": "Check whether the process is alive. If it is gone, resume from the last checkpoint.",
    "VaeRunFailed": "Read the end of its log, then resume from the last checkpoint.",
    "VaeRunTerminated": "If you did not stop it, resume it. A scheduler may have preempted it.",
    "VaeBandsUnfit": "Declare the loss or set band_edges. Until then the run is judged by multiples of its own level.",
    "VaeExporterVersion": "Bring the exporter of the run and the rules to one version: alerts may be missing.",
    "VaeLossSparse": "Call observe() at every step: with few values, a page comes thousands of steps late.",
    "VaeRankDiverged": "Check the rank's GPU and data, and whether its gradients are reduced with the others'.",
    "VaeNllRising": "Check the cause of the rise and the outputs. Keep a checkpoint from before the rise.",
    "VaeNllSpike": "Wait 100 steps: a single spike may pass. If spikes recur, lower the learning rate.",
    "VaeNllSuspicious": "Check the outputs now for black frames or one memorized clip.",
    "VaeConfidenceGap": "Check the outputs: they look worse than the NLL. If blurred, raise the perception weight.",
    "VaeValidationGap": "Keep the checkpoint of the best validation. Add data or augmentation before you train on.",
    "VaeLossSumMismatch": "Find the loss that is reported incorrectly: the weighted parts do not add up to the NLL.",
    "VaeKlAbnormal": "Check the KL and its weight. The alert says whether it collapses, explodes or costs quality.",
    "VaeRunUnjudged": "Observe the NLL with an increasing step. Without it the run cannot be judged.",
    "VaeRunNameTaken": "Rename all but one of the processes: their metrics mix.",
    "VaeRankStraggler": "Check the slow rank's GPU and data loading: all other ranks wait for it.",
    "VaeGpuOutOfMemory": "Reduce the batch or clip size, then resume from the last checkpoint.",
    "VaeGpuMemoryPressure": "Free memory before it runs out. Check for a leak and for fragmentation.",
    "VaeGpuFailing": "Move the run to another GPU. Reset or replace this one.",
    "VaeGpuThrottled": "Check the GPU's temperature, power limit and cooling.",
    "VaeGpuRowRemapPending": "Reset the GPU the next time the run stops.",
    "VaeGpuSampleStale": "Check the driver: the GPU has stopped responding.",
}


def advice(reason: str | None) -> str:
    """Return one line of advice for the *reason* of a verdict. None means that there is no verdict yet."""
    if reason is None:
        return NOT_JUDGED
    return ALERTS.get(reason) or BANDS.get(reason) or f"Read the runbook of {reason}."
