"""Steps that torch compiles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from scraping import scrape

from vae_exporter import TrainingExporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCUMENTED = Path(__file__).parent.parent / "docs" / "training.md"

STEPS = 3


@pytest.fixture
def exporter() -> Iterator[TrainingExporter]:
    with TrainingExporter("compiled", port=0, linger_seconds=0, gpus=False) as running:
        yield running
    torch.compiler.reset()


def train(step: Callable[[int, torch.Tensor], torch.Tensor]) -> float:
    """Make `STEPS` steps, and return the last loss."""
    for number in range(STEPS):
        loss = step(number, torch.full((4, 2), number + 1.0))
        loss.backward()  # type: ignore[no-untyped-call]
    return loss.item()


def check(exporter: TrainingExporter, loss: float) -> None:
    found = scrape(exporter.url)
    assert found["vae_steps_total"] == STEPS
    assert found["vae_step"] == STEPS - 1
    assert found["vae_loss nll train"] == pytest.approx(loss)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_compiled_step_is_recorded(exporter: TrainingExporter) -> None:
    model = torch.nn.Linear(2, 1)

    @torch.compile(backend="aot_eager")
    def step(number: int, batch: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = model(batch).square().mean()
        exporter.observe(number, nll=loss)
        return loss

    check(exporter, train(step))


@pytest.mark.skipif(not hasattr(torch.library, "custom_op"), reason="torch 2.3 has no custom operators in Python")
def test_the_documented_operator_is_recorded_within_a_full_graph(exporter: TrainingExporter) -> None:
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENTED.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = (block for block in blocks if "custom_op" in block)
    names: dict[str, Any] = {"torch": torch, "exporter": exporter, "model": torch.nn.Linear(2, 1)}
    code = code.replace("fullgraph=True", "fullgraph=True, backend='aot_eager'")
    exec(compile(code, DOCUMENTED, "exec", dont_inherit=True), names)  # noqa: S102 - our own documentation
    check(exporter, train(names["train_step"]))
