"""The keys under which trainers of the latent diffusion family log the values of `TrainingExporter.observe`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter.vocabulary import COMPONENTS, GAUGES

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALIASES: dict[str, tuple[str, ...]] = {
    "perception": ("perception_loss", "p_loss", "perception"),
    "total": ("total_loss", "vae_loss", "total"),
    "generator": ("g_loss", "generator"),
    "discriminator": ("disc_loss", "discriminator"),
    "learning_rate": ("lr", "learning_rate"),
    "gradient_norm": ("grad_norm", "gradient_norm"),
    "discriminator_factor": ("disc_factor", "discriminator_factor"),
}
"""The names of values to which the defaults in `LOG_NAMES` do not apply."""

LOG_NAMES: Mapping[str, tuple[str, ...]] = {
    **{name: _ALIASES.get(name, (f"{name}_loss", name)) for name in COMPONENTS},
    **{name: _ALIASES.get(name, (name,)) for name in GAUGES},
}
"""The names of each value in logs, in order of precedence."""

PREFIXES: dict[str, tuple[str, ...]] = {"train": ("train/", ""), "validation": ("val/", "validation/")}
"""The prefixes of the names, by split, in order of precedence."""


def values_of_log(log: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return the known values in *log*, by split and name. Other entries are ignored."""
    return {
        split: {
            value: log[key]
            for value, names in LOG_NAMES.items()
            if (key := _first_key(log, prefixes, names)) is not None
        }
        for split, prefixes in PREFIXES.items()
    }


def _first_key(log: Mapping[str, object], prefixes: tuple[str, ...], names: tuple[str, ...]) -> str | None:
    keys = (f"{prefix}{name}" for name in names for prefix in prefixes)
    return next((key for key in keys if log.get(key) is not None), None)
