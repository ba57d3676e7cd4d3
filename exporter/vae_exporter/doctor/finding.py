"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Args:
        check: The check, for example ``"allocator"``.
        what: What was measured or compared.
        figure: The value that was found, with its unit.
        expected: The value or the limit that was expected.
        passed: Whether *figure* is as expected. None if there was nothing to compare it with.
    """

    check: str
    what: str
    figure: str
    expected: str = ""
    passed: bool | None = None

    @property
    def result(self) -> str:
        """The word for *passed*."""
        return {True: "pass", False: "FAIL", None: "-"}[self.passed]
