"""When frames are compared, and which frames are invalid."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import torch
from frames import shapes
from stand_in_torch import Device, DeviceModule, StandInTorch

from vae_exporter._process.failures import Failures
from vae_exporter._record.comparisons import Comparisons

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture
def failures() -> Failures:
    return Failures()


@pytest.fixture
def comparisons(failures: Failures) -> Comparisons:
    return Comparisons(failures)


class TestDue:
    def due(self, comparisons: Comparisons, steps: Sequence[int], every: int) -> list[int]:
        return [step for step in steps if comparisons.is_due(step, every)]

    def test_a_comparison_is_due_at_the_first_step_and_then_at_the_interval(self, comparisons: Comparisons) -> None:
        assert self.due(comparisons, range(7, 320), 100) == [7, 107, 207, 307]

    def test_a_repeated_step_is_compared_once(self, comparisons: Comparisons) -> None:
        assert self.due(comparisons, [1, 1, 2, 2, 3], 1) == [1, 2, 3]

    def test_a_loop_that_calls_at_some_steps_only(self, comparisons: Comparisons) -> None:
        assert self.due(comparisons, range(0, 400, 30), 100) == [0, 120, 240, 360]

    def test_a_comparison_is_due_after_a_resume_from_an_earlier_step(self, comparisons: Comparisons) -> None:
        assert self.due(comparisons, [5000, 5050, 200, 250, 300], 100) == [5000, 200, 300]

    @pytest.mark.parametrize(
        ("every", "message"),
        [
            (0, "every must be a whole number of steps, 1 or more, got 0"),
            (-5, "or more, got -5"),
            (0.5, "or more, got 0.5"),
            (None, "or more, got a NoneType"),
            (torch.tensor(100), "or more, got a Tensor"),
        ],
    )
    def test_an_invalid_interval_is_counted_and_logged_once(
        self,
        comparisons: Comparisons,
        failures: Failures,
        caplog: pytest.LogCaptureFixture,
        every: object,
        message: str,
    ) -> None:
        assert not comparisons.is_due(1, every)
        assert not comparisons.is_due(2, every)
        assert failures.dropped["invalid"] == 2
        assert caplog.text.count(message) == 1


class OnDevice(torch.Tensor):
    """A tensor that claims to be on a GPU."""

    is_cpu = False
    device = Device("cuda")  # type: ignore[assignment]


class OnMps(OnDevice):
    device = Device("mps")


class Spread(torch.Tensor):
    """Like a DTensor, whose method `full_tensor` would wait for the other ranks."""

    def full_tensor(self) -> torch.Tensor:
        raise AssertionError("full_tensor() would wait")


class TestInvalid:
    @pytest.mark.parametrize(
        ("inputs", "outputs", "message"),
        [
            (
                shapes(),
                shapes()[:, :, 1:],
                "must have the same shape, got (2, 3, 5, 64, 64) and (2, 3, 4, 64, 64): crop both",
            ),
            (shapes(), None, "outputs must be a torch tensor, got a NoneType"),
            (shapes().numpy(), shapes(), "inputs must be a torch tensor, got a ndarray"),
            (shapes().byte(), shapes(), "inputs must have a floating-point dtype, got torch.uint8"),
            (shapes(), shapes().to(torch.complex64), "outputs must have a floating-point dtype, got torch.complex64"),
            (shapes(), shapes().to("meta"), "outputs must hold values, got a tensor on the meta device"),
            (
                shapes().as_subclass(Spread),
                shapes(),
                "inputs must be local to this rank, got a DTensor: pass inputs.to_local()",
            ),
            (torch.zeros(64), torch.zeros(64), "must end in height and width of 8 pixels or more, got the shape (64,)"),
            (torch.zeros(()), torch.zeros(()), "8 pixels or more, got the shape ()"),
            (
                torch.zeros(0, 3, 64, 64),
                torch.zeros(0, 3, 64, 64),
                "inputs must not be empty, and must end in height and width of 8 pixels or more, got the shape (0, 3",
            ),
            (
                torch.zeros(2, 64, 64, 3),
                torch.zeros(2, 64, 64, 3),
                "must end in height and width of 8 pixels or more, got the shape (2, 64, 64, 3)",
            ),
            (
                shapes().as_subclass(OnMps),
                shapes().as_subclass(OnMps),
                "frames on mps:0 cannot be compared without waiting for it: pass copies on the CPU",
            ),
            (
                shapes(),
                shapes().as_subclass(OnDevice),
                "inputs and outputs must be on the same device, got cpu and cuda:0",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_invalid_frames_are_counted_and_logged_once(
        self, failures: Failures, caplog: pytest.LogCaptureFixture, inputs: object, outputs: object, message: str
    ) -> None:
        comparisons = Comparisons(failures)
        for _ in range(2):
            assert comparisons.compare(inputs, outputs, 2.0) is None
        assert failures.dropped["invalid"] == 2
        assert caplog.text.count(message) == 1
        assert len(caplog.records) == 1

    @pytest.mark.parametrize(
        ("data_range", "message"),
        [
            (0, "data_range must be the width of the value range, such as 2.0 for [-1, 1], got 0"),
            (-2.0, "[-1, 1], got -2.0"),
            (math.nan, "[-1, 1], got nan"),
            (math.inf, "[-1, 1], got inf"),
            ((-1, 1), "[-1, 1], got a tuple"),
            (torch.tensor(2.0), "[-1, 1], got a Tensor"),
        ],
    )
    def test_an_invalid_range_is_counted_and_logged(
        self,
        comparisons: Comparisons,
        failures: Failures,
        caplog: pytest.LogCaptureFixture,
        data_range: object,
        message: str,
    ) -> None:
        assert comparisons.compare(shapes(), shapes(), data_range) is None
        assert failures.dropped["invalid"] == 1
        assert message in caplog.text

    def test_without_torch_nothing_is_a_tensor(self, failures: Failures, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(sys.modules, "torch")
        assert Comparisons(failures).compare([[0.5]], [[0.5]], 2.0) is None
        assert failures.dropped["invalid"] == 1

    def test_frames_are_not_compared_during_a_graph_capture(
        self, failures: Failures, caplog: pytest.LogCaptureFixture
    ) -> None:
        device = StandInTorch()
        device.capturing = True
        capturing = SimpleNamespace(Tensor=torch.Tensor, cuda=DeviceModule(device))  # nothing to compute with
        frames = shapes().as_subclass(OnDevice)
        for _ in range(2):
            assert Comparisons(failures, torch=capturing).compare(frames, frames, 2.0) is None
        assert failures.dropped["capture"] == 2
        assert caplog.text.count("frames cannot be compared during a graph capture") == 1
