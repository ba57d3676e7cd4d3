"""When frames are compared, and which are refused."""

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

    def test_the_first_and_then_every_so_many_steps(self, comparisons: Comparisons) -> None:
        assert self.due(comparisons, range(7, 320), 100) == [7, 107, 207, 307]

    def test_once_at_a_step_that_comes_several_times(self, comparisons: Comparisons) -> None:
        assert self.due(comparisons, [1, 1, 2, 2, 3], 1) == [1, 2, 3]

    def test_a_loop_that_calls_now_and_then(self, comparisons: Comparisons) -> None:
        assert self.due(comparisons, range(0, 400, 30), 100) == [0, 120, 240, 360]

    def test_a_step_that_goes_back_does_not_block_it(self, comparisons: Comparisons) -> None:
        assert self.due(comparisons, [5000, 5050, 200, 250, 300], 100) == [5000, 200, 300]

    @pytest.mark.parametrize(
        ("every", "message"),
        [
            (0, "every=0: give a whole number of steps, 1 at least"),
            (-5, "every=-5: give"),
            (0.5, "every=0.5: give"),
            (None, "every is of type NoneType: give"),
            (torch.tensor(100), "every is of type Tensor: give"),
        ],
    )
    def test_what_is_no_number_of_steps_is_refused_and_told_once(
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
    """A tensor that says it is on a GPU."""

    is_cpu = False
    device = Device("cuda")  # type: ignore[assignment]


class OnMps(OnDevice):
    device = Device("mps")


class Spread(torch.Tensor):
    """As DTensor, which has this method: to gather it would wait for the other ranks."""

    def full_tensor(self) -> torch.Tensor:
        raise AssertionError("it waits")


class TestRefused:
    @pytest.mark.parametrize(
        ("inputs", "outputs", "message"),
        [
            (
                shapes(),
                shapes()[:, :, 1:],
                "inputs are of shape (2, 3, 5, 64, 64), outputs of (2, 3, 4, 64, 64): cut both",
            ),
            (shapes(), None, "outputs are of type NoneType: give a torch tensor"),
            (shapes().numpy(), shapes(), "inputs are of type ndarray: give a torch tensor"),
            (shapes().byte(), shapes(), "inputs are of torch.uint8: give floating point, as the loss takes them"),
            (shapes(), shapes().to(torch.complex64), "outputs are of torch.complex64: give floating point"),
            (shapes(), shapes().to("meta"), "outputs are on the device meta, which holds no values"),
            (shapes().as_subclass(Spread), shapes(), "inputs are a DTensor, spread over ranks: give inputs.to_local()"),
            (torch.zeros(64), torch.zeros(64), "inputs are of shape (64,): the last two axes must be height and width"),
            (torch.zeros(()), torch.zeros(()), "inputs are of shape (): the last two axes"),
            (torch.zeros(0, 3, 64, 64), torch.zeros(0, 3, 64, 64), "inputs are of shape (0, 3, 64, 64): the last two"),
            (
                torch.zeros(2, 64, 64, 3),
                torch.zeros(2, 64, 64, 3),
                "inputs are of shape (2, 64, 64, 3): the last two axes must be height and width, of 8 pixels at least",
            ),
            (
                shapes().as_subclass(OnMps),
                shapes().as_subclass(OnMps),
                "frames on mps:0 cannot be compared without waiting for it: give copies on the CPU",
            ),
            (shapes(), shapes().as_subclass(OnDevice), "outputs on cuda:0: give both on one device"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_cannot_be_compared_is_told_once_and_counted(
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
            (0, "data_range=0: give the width of the values"),
            (-2.0, "data_range=-2.0: give"),
            (math.nan, "data_range=nan: give"),
            (math.inf, "data_range=inf: give"),
            ((-1, 1), "data_range is of type tuple: give"),
            (torch.tensor(2.0), "data_range is of type Tensor: give"),
        ],
    )
    def test_a_range_that_is_none(
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

    def test_nothing_of_ours_gets_into_a_capture(self, failures: Failures, caplog: pytest.LogCaptureFixture) -> None:
        device = StandInTorch()
        device.capturing = True
        capturing = SimpleNamespace(Tensor=torch.Tensor, cuda=DeviceModule(device))  # and nothing to compute by
        frames = shapes().as_subclass(OnDevice)
        for _ in range(2):
            assert Comparisons(failures, torch=capturing).compare(frames, frames, 2.0) is None
        assert failures.dropped["capture"] == 2
        assert caplog.text.count("frames inside a graph capture are not compared") == 1
