"""What to do, in a line, by the reason of a verdict or the name of an alert.

For a glance: on the report and on the dashboards. An alert's own text has the figures, its runbook the whole.
"""

from __future__ import annotations

from vae_exporter.vocabulary import VERDICTS

SYMBOLS = dict(zip(VERDICTS, "✓↘!✕", strict=True))
"""A shape for each verdict, so that no verdict is shown by its colour alone."""

NOT_JUDGED = "Not judged yet: a verdict comes with the first 100 steps."

BANDS = {
    "suspicious": "Look at the outputs now: too low to be true. Black pictures, or one clip learned by heart.",
    "low": "Nothing to do: better than the target, as late in a training. Look at the outputs now and then.",
    "excellent": "Nothing to do: this is the target, sharp and smooth video.",
    "good": "Nothing to do: acceptable, soft with some flicker. It may still get better.",
    "converging": "Wait: the NLL starts high and is to drop. A ticket comes if it does not.",
    "degraded": "Keep an eye on it: the NLL is worse than acceptable. Look at its trend and at the outputs.",
    "bad": "Look at the outputs, and be ready to stop: gray mess or noise is to be expected.",
}

ALERTS = {
    "VaeNllDiverged": "Stop it. Go on from a checkpoint before the NLL rose, with a lower learning rate.",
    "VaeLossNonfinite": "Stop it. Go on from a checkpoint before the first NaN, with a lower learning rate.",
    "VaeTrainingStalled": "See where it hangs (py-spy dump), then start it again from its last checkpoint.",
    "VaeExporterDown": "See whether the process lives. If it is gone, resume it from its last checkpoint.",
    "VaeRunFailed": "Read the end of its log, then resume it from its last checkpoint.",
    "VaeRunTerminated": "If that was not you, resume it: a scheduler may have taken its place.",
    "VaeNllNeverGood": "See whether the NLL still falls. If its scale is another one, give the run its own band_edges.",
    "VaeNllRising": "Look at the cause of the rise and at the outputs. Keep a checkpoint from before it.",
    "VaeNllSpike": "Wait for the next hundred steps: a spike may pass. If they come again, lower the learning rate.",
    "VaeNllSuspicious": "Look at the outputs now: black pictures, or one clip learned by heart.",
    "VaeConfidenceGap": "Look at the outputs: the NLL looks fine, they do not. Blurred: raise the perception weight.",
    "VaeLossSumMismatch": "See which loss is not what it says: the weighted parts do not add up to the NLL.",
    "VaeKlAbnormal": "Look at the KL and at its weight: the latents collapse, or crush all else.",
    "VaeRunUnjudged": "Observe the NLL, at steps that go on: nobody judges this run.",
    "VaeRunNameTaken": "Give all but one of the processes another name: their figures mix.",
    "VaeRankStraggler": "Look at the slow rank's GPU and at its data loading: all others wait for it.",
    "VaeGpuOutOfMemory": "Make the batch or the clips smaller, then resume from the last checkpoint.",
    "VaeGpuMemoryPressure": "Make room before it runs out: see whether memory leaks or is fragmented.",
    "VaeGpuFailing": "Move the run to another card. Reset or replace this one.",
    "VaeGpuThrottled": "Look at the card's temperature, power and cooling: it is held back.",
    "VaeGpuRowRemapPending": "Reset the card at the next stop of the run.",
    "VaeGpuSampleStale": "Look at the driver: the card has not answered for a while.",
}


def advice(reason: str | None) -> str:
    """Return what to do, given the reason of a verdict."""
    if reason is None:
        return NOT_JUDGED
    return ALERTS.get(reason) or BANDS.get(reason) or f"Read the runbook of {reason}."
