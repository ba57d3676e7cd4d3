"""The names under which trainers of the latent diffusion family log what `TrainingExporter.observe` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter._record.facts import COMPONENTS, GAUGES

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG_NAMES: dict[str, tuple[str, ...]] = {
    "nll": ("nll_loss", "nll"),
    "rec": ("rec_loss", "rec"),
    "perception": ("perception_loss", "p_loss", "perception"),
    "kl": ("kl_loss", "kl"),
    "total": ("total_loss", "vae_loss", "total"),
    "generator": ("g_loss", "generator"),
    "discriminator": ("disc_loss", "discriminator"),
    "epoch": ("epoch",),
    "learning_rate": ("lr", "learning_rate"),
    "gradient_norm": ("grad_norm", "gradient_norm"),
    "logvar": ("logvar",),
    "loss_scale": ("loss_scale",),
    "discriminator_factor": ("disc_factor", "discriminator_factor"),
}
"""What each value is called in logs. Where a log has several of them, the first wins."""

PREFIXES: dict[str, tuple[str, ...]] = {"train": ("train/", ""), "validation": ("val/", "validation/")}
"""What stands before the names, by split. Where a log has a name with both, the first wins."""


def values_of_log(log: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return the known values in *log* by split and name; its other entries are no losses."""
    return {
        split: {
            value: log[key]
            for value in (*COMPONENTS, *GAUGES)
            if (key := _first_key(log, prefixes, LOG_NAMES[value])) is not None
        }
        for split, prefixes in PREFIXES.items()
    }


def _first_key(log: Mapping[str, object], prefixes: tuple[str, ...], names: tuple[str, ...]) -> str | None:
    keys = (f"{prefix}{name}" for name in names for prefix in prefixes)
    return next((key for key in keys if log.get(key) is not None), None)
