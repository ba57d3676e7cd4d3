"""What the rules remember after Prometheus itself was away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from deadline import wait_until
from stored_series import store

from vae_exporter.stack import servers
from vae_exporter.stack.client import Prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTE = 60
HOUR = 60 * MINUTE

BEFORE, LAST = 0.17, 0.16
"""The level of the run when the memory was last written, and its last level."""

FIRING = 'ALERTS{alertname="VaeNllDiverged",alertstate="firing"}'


def samples(series: str, value: float, times: range) -> Iterator[str]:
    """Yield *series*, which is *value* at *times*."""
    yield f"# TYPE {series.partition('{')[0]} gauge"
    yield from (f"{series} {value} {at}" for at in times)


def past(now: int, outage: int) -> Iterator[str]:
    """Yield a run that was killed before an *outage* and is resumed *now*, and runs that died bad, one long before.

    That of *older rules* has no ``run:vae_nll_diverged:mean``, which they did not record.
    """
    gone = now - outage
    last_hour = range(gone - HOUR, gone, 15)
    yield from samples('run:vae_nll:held{run="resumed"}', LAST, range(gone - 14 * MINUTE, gone, 15))
    memory = range(gone - 2 * HOUR, gone - 14 * MINUTE, 15 * MINUTE)
    yield from samples('run:vae_nll:held_last1h{run="resumed"}', BEFORE, memory)
    for name in ("vae_run_info", "vae_run_resumed"):
        yield from samples(f'{name}{{run="resumed",rank="0"}}', 1, range(now - 20, now, 5))
    for run, seen, mean in (
        ("dead", gone - 2 * HOUR, "run:vae_nll_diverged:mean"),
        ("forgotten", now - 24 * HOUR, "run:vae_nll_diverged:mean"),
        ("older rules", gone - 2 * HOUR, "run:vae_nll:mean"),
    ):
        for name in ("run:vae_nll_diverged:bool", mean):
            yield from samples(f'{name}{{run="{run}"}}', 1, last_hour)
        yield from samples(f'run:vae_run:present_last1h{{run="{run}"}}', 1, range(seen, seen + HOUR, 15 * MINUTE))


@pytest.mark.parametrize(
    ("outage", "level", "paged"),
    [(20 * MINUTE, LAST, ["dead", "older rules"]), (3 * HOUR, BEFORE, [])],
    ids=["20 min", "3 h"],
)
def test_a_level_outlives_an_outage_and_a_page_one_of_less_than_an_hour(
    tmp_path: Path, outage: int, level: float, paged: list[str]
) -> None:
    store(tmp_path, past(int(time.time()), outage))
    unused = "http://127.0.0.1:1"
    with servers.prometheus(tmp_path, alertmanager_url=unused, intervals=servers.SHORTENED) as url:
        server = Prometheus(url)
        # Prometheus records an alert once it has restored its state, after the second evaluation.
        often = 'count_over_time(run:vae_nll:held{run="resumed"}[1m]) >= 5'
        wait_until(lambda: server.value(often) is not None, "five evaluations")
        assert server.value('run:vae_nll:held{run="resumed"}') == level
        assert server.label_values(FIRING, "run") == paged
