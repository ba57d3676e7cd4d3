"""The course of a run, which later runs compare themselves with."""

from __future__ import annotations

import pytest

from vae_exporter._record import course as course_module
from vae_exporter._record.course import Course, Place


def means(course: Course) -> dict[int, float]:
    return {position: place.mean for position, place in course.places()}


def test_steps_are_averaged_over_short_windows() -> None:
    course = Course()
    for step in range(20):
        course.observe(step, None, 0.1 if step < 10 else float(step), 0.1)
    assert means(course) == pytest.approx({0: 0.1, 10: 14.5})
    assert course.at(17, None) == course.at(10, None) != course.at(9, None)
    assert course.at(20, None) is None


def test_positions_in_the_data_replace_the_steps() -> None:
    course = Course()
    course.observe(0, None, 9.0, 0.1)
    course.observe(1, 700, 0.2, 0.1)
    course.observe(2, 3, 0.3, 0.1)
    course.observe(3, None, 9.0, 0.1)
    course.observe(4, 700, 0.4, 0.1)
    assert course.by == "data_position"
    assert means(course) == pytest.approx({3: 0.3, 700: 0.3})
    assert course.at(1, 3) == Place(0.3, 0.1)
    assert course.at(3, None) is None


def test_steps_that_are_trained_again_are_forgotten() -> None:
    course = Course()
    for step in range(100):
        course.observe(step, None, 0.2, 0.1)
    course.drop_from(50)
    assert list(means(course)) == [0, 10, 20, 30, 40]


def test_a_long_run_has_wider_bins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course_module, "MAX_BINS", 4)
    course = Course()
    for step in range(0, 60, 10):
        course.observe(step, None, float(step), 0.1)
    assert means(course) == pytest.approx({0: 5.0, 20: 25.0, 40: 45.0})
