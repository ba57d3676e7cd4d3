"""What the simulated driver answers, now and later."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class SimulatedDriver:
    """What the driver answers: *file* holds it, and is complete whenever a method returns.

    The head of nvml_stand_in.c says which keys and values there are.

    Args:
        file: where it is written.
        gpus: of each GPU its answers, as `a100` gives them.
    """

    def __init__(self, file: Path, gpus: Sequence[Mapping[str, object]]) -> None:
        self.file = file
        self._answers: dict[str, object] = {"driver": "550.54.15", "init": "ok"}
        for index, gpu in enumerate(gpus):
            self._answers.update({f"gpu.{index}.{name}": value for name, value in gpu.items()})
        self._write()

    def answer(self, key: str, value: object) -> None:
        """Answer *value* from now on."""
        self._answers[key] = value
        self._write()

    def forget(self, key: str) -> None:
        """Support *key* no more."""
        del self._answers[key]
        self._write()

    def _write(self) -> None:
        new = self.file.with_suffix(".new")
        new.write_text("".join(f"{key} = {value}\n" for key, value in self._answers.items()))
        new.replace(self.file)  # whole: the library reads it at any moment
