"""Failures are counted each time and logged once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from vae_exporter._process.failures import DROP_REASONS, ERROR_REASONS, Failures

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def failures() -> Failures:
    return Failures()


def test_every_reason_starts_at_0(failures: Failures) -> None:
    assert failures.errors == dict.fromkeys(ERROR_REASONS, 0)
    assert failures.dropped == dict.fromkeys(DROP_REASONS, 0)


def test_an_error_is_counted_each_time_and_logged_once_with_its_traceback(
    failures: Failures, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        failures.caught("observe", "observe()", RuntimeError("out of luck"))

    assert failures.errors["observe"] == 3
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("vae_exporter", logging.WARNING)
    assert record.getMessage() == (
        "observe() failed; training continues. Further failures are counted in vae_exporter_errors_total, not logged."
    )
    assert "RuntimeError: out of luck" in caplog.text


def test_a_drop_is_counted_by_values_and_logged_once(failures: Failures, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        failures.drop("invalid", "nll", "nll must be a number, got a str", count=2)

    assert failures.dropped["invalid"] == 6
    assert [record.getMessage() for record in caplog.records] == [
        (
            "nll must be a number, got a str. The value is dropped. Further ones are counted in "
            "vae_exporter_dropped_observations_total, not logged."
        )
    ]


def test_each_different_failure_is_logged(failures: Failures, caplog: pytest.LogCaptureFixture) -> None:
    for what in ("nll", "rec", "nll"):
        failures.drop("invalid", what, f"{what} is a str")
    failures.drop("capture", "nll", "nll was observed inside a capture")

    assert [record.getMessage().split(".")[0] for record in caplog.records] == [
        "nll is a str",
        "rec is a str",
        "nll was observed inside a capture",
    ]


def test_a_stream_of_unknown_names_does_not_flood_the_log_or_hide_other_failures(
    failures: Failures, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(10_000):
        failures.unknown("observe", f"loss_{number}", ["nll", "rec"])

    assert failures.dropped["invalid"] == 10_000
    assert len(caplog.records) == 100

    caplog.clear()
    failures.drop("invalid", "nll", "nll must be a number, got a str")
    failures.tell("gpu", "the GPU driver does not respond")
    failures.caught("observe", "observe()", RuntimeError("out of luck"))
    assert [record.getMessage().split(".")[0] for record in caplog.records] == [
        "nll must be a number, got a str",
        "the GPU driver does not respond",
        "observe() failed; training continues",
    ]


def test_only_a_logged_name_is_compared_with_the_known_names(failures: Failures) -> None:
    class Known(list[str]):
        read = 0

        def __iter__(self) -> Iterator[str]:
            self.read += 1
            return super().__iter__()

    known = Known(["nll", "rec"])
    for number in range(1000):
        failures.unknown("observe", f"loss_{number}", known)
        failures.unknown("observe", "los", known)

    assert known.read == 100
