"""Parses /metrics as a scraper does."""

from __future__ import annotations

from http_get import SCRAPER, get
from prometheus_client.parser import text_string_to_metric_families

Samples = dict[str, float]


def samples_of(text: str) -> Samples:
    """Return the samples by their name and label values without run and rank, such as ``vae_loss nll train``."""
    return {
        " ".join([sample.name, *(value for label, value in sample.labels.items() if label not in ("run", "rank"))]): (
            sample.value
        )
        for metric in text_string_to_metric_families(text)
        for sample in metric.samples
    }


def metric_names(text: str) -> set[str]:
    """Return the names of the metrics in *text*."""
    return {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(text)
    }


def scrape(url: str | None) -> Samples:
    """Scrape the exporter at *url*, once."""
    return samples_of(get(f"{url}/metrics", **SCRAPER).text)


def state(samples: Samples) -> list[str]:
    """Return the states that are 1."""
    return [name.split()[1] for name, value in samples.items() if name.startswith("vae_run_state") and value == 1]
