"""The edges of the bands: those that the run declares, otherwise the defaults."""

from __future__ import annotations

from vae_rules.constants import EDGES
from vae_rules.rule import Record, Section


def _edge(signal: str, edge: str, default: float) -> Record:
    own = f'max by (run) (last_over_time(vae_band_edge{{signal="{signal}",edge="{edge}"}}[2m]))'
    usual = f"run:vae_run:present * {default:g}"
    if signal in ("rec", "perception"):
        usual = f'{usual} unless max by (run) (last_over_time(vae_band_edge{{signal="nll"}}[2m]))'
    return Record(
        f"run:vae_{signal}:edge_{edge}",
        f"  {own}\nor\n  {usual}",
        f"The edge `{edge}` of the signal `{signal}`",
    )


RECORDS = Section(
    "The edges of the bands",
    tuple(_edge(signal, edge, default) for signal, edges in EDGES.items() for edge, default in edges.items()),
    about=(
        "The edges that the run declares, otherwise the defaults. If a run declares NLL edges, the parts of its NLL "
        "have no default edges, because their scale differs as well."
    ),
)
