"""Converts the texts of nvidia-smi to the units of the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def mebibytes(text: str) -> float:
    """Return *text* in MiB as bytes."""
    return float(text) * 2**20


def celsius(text: str) -> float:
    """Return degrees Celsius."""
    return float(text)


def watts(text: str) -> float:
    """Return watts."""
    return float(text)


def count(text: str) -> float:
    """Return a number of errors or rows."""
    return float(text)


def percent(text: str) -> float:
    """Return *text* in percent as a ratio."""
    return float(text) / 100


def hertz(text: str) -> float:
    """Return *text* in MHz as Hz."""
    return float(text) * 1e6


def active(text: str) -> float:
    """Return 1 for "Active" and 0 for "Not Active"."""
    return {"active": 1.0, "not active": 0.0}[text.lower()]


def yes(text: str) -> float:
    """Return 1 for "Yes" and 0 for "No". Some versions print the number."""
    return {"yes": 1.0, "1": 1.0, "no": 0.0, "0": 0.0}[text.lower()]


def bit(mask: int) -> Callable[[str], float]:
    """Return a function that returns 1 if the hexadecimal number in a text has the bit *mask*, else 0."""
    return lambda text: float(bool(int(text, 16) & mask))
