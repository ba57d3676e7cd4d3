"""Controls what the simulated driver answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class SimulatedDriver:
    """The answers of the driver, in a file that is complete whenever a method returns.

    The head of nvml_stand_in.c describes the keys and the values.

    Args:
        file: The file to write.
        gpus: The answers of each GPU, for example from `a100`.
    """

    def __init__(self, file: Path, gpus: Sequence[Mapping[str, object]]) -> None:
        self.file = file
        self._answers: dict[str, object] = {"driver": "550.54.15", "init": "ok"}
        for index, gpu in enumerate(gpus):
            self._answers.update({f"gpu.{index}.{name}": value for name, value in gpu.items()})
        self._write()

    def answer(self, key: str, value: object) -> None:
        """Set the answer to *key*."""
        self._answers[key] = value
        self._write()

    def forget(self, key: str) -> None:
        """Stop supporting *key*."""
        del self._answers[key]
        self._write()

    def _write(self) -> None:
        new = self.file.with_suffix(".new")
        new.write_text("".join(f"{key} = {value}\n" for key, value in self._answers.items()))
        new.replace(self.file)  # atomic: the library may read it at any moment
