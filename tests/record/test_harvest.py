"""Values are copied from an asynchronous device and from the CPU, unchanged and without waiting."""

from __future__ import annotations

import gc
import weakref
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from stand_in_torch import GPU, Device, StandInTorch, Tensor

from vae_exporter._process.failures import Failures
from vae_exporter._record.harvest import BATCH, MAX_PENDING, Harvest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Gathered(Harvest):
    """A harvest that keeps all that it has delivered."""

    def __init__(self, failures: Failures, *, torch: Any = None) -> None:  # noqa: ANN401 - a module
        super().__init__(failures, torch=torch)
        self.delivered: list[tuple[int, dict[str, float]]] = []

    def put(self, step: int, values: Mapping[str, object]) -> None:
        self.give(step, values, lambda step, values: self.delivered.append((step, dict(values))))


def arrived(harvest: Gathered) -> list[tuple[int, dict[str, float]]]:
    """Return the observations that have arrived since the last call."""
    harvest.collect()
    harvest.deliver()
    found = harvest.delivered.copy()
    harvest.delivered.clear()
    return found


class TestDevice:
    """A device that is behind the host. `StandInTorch` fails the test if the host would wait for it."""

    @pytest.fixture
    def device(self) -> StandInTorch:
        return StandInTorch()

    @pytest.fixture
    def failures(self) -> Failures:
        return Failures()

    @pytest.fixture
    def harvest(self, device: StandInTorch, failures: Failures) -> Gathered:
        return Gathered(failures, torch=device)

    def test_values_are_read_once_their_copy_is_done(self, harvest: Gathered, device: StandInTorch) -> None:
        harvest.put(1, {"nll": device.tensor(0.5), "rec": device.tensor(0.04), "learning_rate": 1e-4})
        assert arrived(harvest) == []
        device.finish(but=1)  # the copy is done, but the event is not
        assert arrived(harvest) == []
        device.finish()
        assert arrived(harvest) == [(1, {"nll": 0.5, "rec": 0.04, "learning_rate": 1e-4})]
        assert arrived(harvest) == []

    def test_later_changes_of_a_tensor_have_no_effect(self, harvest: Gathered, device: StandInTorch) -> None:
        loss = device.tensor(0.5)
        harvest.put(1, {"nll": loss})
        loss.div_(4)
        harvest.put(2, {"nll": loss})
        loss.fill_(7)
        device.finish()
        assert arrived(harvest) == [(1, {"nll": 0.5}), (2, {"nll": 0.125})]

    def test_different_shapes_with_one_element_can_be_mixed(self, harvest: Gathered, device: StandInTorch) -> None:
        harvest.put(1, {"nll": device.tensor(0.5), "rec": device.tensor(0.04, shape=(1, 1))})
        device.finish()
        assert arrived(harvest) == [(1, {"nll": 0.5, "rec": 0.04})]

    def test_a_tensor_that_cannot_be_copied_does_not_affect_the_others(
        self, harvest: Gathered, device: StandInTorch, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Sparse(Tensor):
            def reshape(self, shape: tuple[int, ...]) -> Tensor:
                raise NotImplementedError(f"a sparse tensor cannot have the shape {shape}")

        harvest.put(1, {"nll": Sparse(device, [0.5], GPU), "rec": device.tensor(0.04), "learning_rate": 1e-4})
        device.finish()
        assert arrived(harvest) == [(1, {"learning_rate": 1e-4, "rec": 0.04})]
        assert "nll cannot be read: NotImplementedError" in caplog.text

    def test_a_tensor_with_several_elements_is_dropped_unread(
        self, harvest: Gathered, device: StandInTorch, caplog: pytest.LogCaptureFixture
    ) -> None:
        harvest.put(1, {"nll": device.tensor(0.5, 0.6, shape=(2,))})
        assert arrived(harvest) == [(1, {})]
        assert "nll must have one element, got the shape (2,): pass nll.mean(), for example" in caplog.text

    def test_no_reference_to_a_tensor_is_kept(self, harvest: Gathered, device: StandInTorch) -> None:
        loss = device.tensor(0.5)
        kept = weakref.ref(loss)
        harvest.put(1, {"nll": loss})
        del loss
        assert kept() is None

    def test_values_are_delivered_in_order(self, harvest: Gathered, device: StandInTorch) -> None:
        harvest.put(1, {"nll": device.tensor(0.5)})
        harvest.put(2, {"nll": 0.4})
        assert arrived(harvest) == []
        device.finish()
        harvest.put(3, {"nll": device.tensor(0.3)})
        assert arrived(harvest) == [(1, {"nll": 0.5}), (2, {"nll": 0.4})]

    def test_an_observation_is_delivered_when_its_last_device_is_done(
        self, harvest: Gathered, device: StandInTorch
    ) -> None:
        first, second = Device("cuda", 0), Device("cuda", 1)
        harvest.put(1, {"nll": device.tensor(0.5, device=first), "kl": device.tensor(9.0, device=second)})
        device.finish(first)
        assert arrived(harvest) == []
        device.finish(second)
        assert arrived(harvest) == [(1, {"nll": 0.5, "kl": 9.0})]

    def test_the_backlog_is_bounded(
        self, harvest: Gathered, device: StandInTorch, failures: Failures, caplog: pytest.LogCaptureFixture
    ) -> None:
        for step in range(MAX_PENDING + 3):
            harvest.put(step, {"nll": device.tensor(0.5), "kl": 9.0})
        device.finish()

        assert [step for step, _ in arrived(harvest)] == list(range(3, MAX_PENDING + 3))
        assert failures.dropped["backlog"] == 3 * 2
        assert caplog.text.count(f"more than {MAX_PENDING} observations are pending") == 1

    def test_what_arrives_is_delivered_in_batches(self, harvest: Gathered) -> None:
        for step in range(BATCH + 1):
            harvest.put(step, {"nll": 0.5})
        assert [step for step, _ in harvest.delivered] == list(range(BATCH))
        harvest.deliver()
        assert [step for step, _ in harvest.delivered] == list(range(BATCH + 1))

    def test_a_receiver_that_fails_loses_no_other_value(
        self, harvest: Gathered, failures: Failures, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(_step: int, _values: Mapping[str, float]) -> None:
            raise ZeroDivisionError

        harvest.give(1, {"nll": 0.5}, fail)
        harvest.put(2, {"nll": 0.4})
        assert arrived(harvest) == [(2, {"nll": 0.4})]
        assert failures.errors["observe"] == 1
        assert "ZeroDivisionError" in caplog.text

    def test_delivery_asks_the_device_nothing(self, harvest: Gathered, device: StandInTorch) -> None:
        """A scrape delivers, in a thread that must not use the device."""
        harvest.put(1, {"nll": device.tensor(0.5)})
        device.finish()
        device.failed = True
        harvest.deliver()
        assert harvest.delivered == []

    def test_drain_waits_for_pending_copies(self, harvest: Gathered, device: StandInTorch) -> None:
        harvest.put(1, {"nll": device.tensor(0.5)})

        def wait() -> bool:
            device.finish()
            return True

        harvest.drain(wait)
        assert harvest.delivered == [(1, {"nll": 0.5})]

    def test_drain_drops_the_rest_when_wait_returns_false(
        self, harvest: Gathered, device: StandInTorch, failures: Failures, caplog: pytest.LogCaptureFixture
    ) -> None:
        harvest.put(1, {"nll": 0.6})
        harvest.put(2, {"nll": device.tensor(0.5), "kl": device.tensor(9.0)})
        harvest.put(3, {"nll": device.tensor(0.4)})

        harvest.drain(lambda: False)
        assert harvest.delivered == [(1, {"nll": 0.6})]
        assert failures.dropped["closed"] == 3
        assert "2 observations did not arrive from their device" in caplog.text
        harvest.drain(lambda: False)
        assert failures.dropped["closed"] == 3

    def test_no_work_is_added_to_a_graph_capture(
        self, harvest: Gathered, device: StandInTorch, failures: Failures, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither a copy nor a query of an earlier copy. Both would break the capture, which `StandInTorch` detects."""
        harvest.put(1, {"nll": device.tensor(0.5)})
        device.finish()
        device.capturing = True
        for step in (2, 3):
            harvest.put(step, {"nll": device.tensor(0.4), "kl": device.tensor(9.0)})
            assert arrived(harvest) == []
        device.capturing = False

        assert arrived(harvest) == [(1, {"nll": 0.5}), (2, {}), (3, {})]
        assert failures.dropped["capture"] == 4
        assert caplog.text.count("observe them after the replay") == 1

    @pytest.mark.parametrize("kind", ["mps", "a-device-unknown-to-torch"])
    def test_a_tensor_on_a_device_whose_copies_wait_is_dropped(
        self,
        harvest: Gathered,
        device: StandInTorch,
        failures: Failures,
        caplog: pytest.LogCaptureFixture,
        kind: str,
    ) -> None:
        harvest.put(1, {"nll": device.tensor(0.5, device=Device(kind)), "kl": 9.0})
        assert arrived(harvest) == [(1, {"kl": 9.0})]
        assert failures.dropped["invalid"] == 1
        assert (
            f"losses on {kind}:0 cannot be copied without waiting for it: pass floats, such as nll.item()"
            in caplog.text
        )

    def test_a_list_of_tensors_is_dropped_unread(
        self, harvest: Gathered, device: StandInTorch, caplog: pytest.LogCaptureFixture
    ) -> None:
        harvest.put(1, {"nll": [device.tensor(0.5)]})
        assert arrived(harvest) == [(1, {})]
        assert "nll must be a number or a torch tensor with one element, got a list" in caplog.text


class TestCpu:
    """Values on the host: numbers, NumPy scalars and arrays, and tensors of the real torch."""

    @pytest.fixture
    def failures(self) -> Failures:
        return Failures()

    @pytest.fixture
    def harvest(self, failures: Failures) -> Gathered:
        return Gathered(failures)

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(0.25, id="float"),
            pytest.param(Fraction(1, 4), id="fraction"),
            pytest.param(np.float64(0.25), id="numpy-float64"),
            pytest.param(np.float16(0.25), id="numpy-float16"),
            pytest.param(np.array(0.25), id="numpy-array"),
            pytest.param(np.array([[0.25]], dtype=np.float32), id="numpy-array-1-1"),
            pytest.param(torch.tensor(0.25), id="tensor"),
            pytest.param(torch.tensor([0.25]), id="tensor-1"),
            pytest.param(torch.tensor([[0.25]]), id="tensor-1-1"),
            pytest.param(torch.tensor(0.25, requires_grad=True), id="with-gradient"),
            pytest.param(torch.nn.Parameter(torch.tensor([0.25])), id="parameter"),
            pytest.param(torch.full((3, 4), 0.25)[1, 2], id="view"),
            pytest.param(torch.tensor(0.25, dtype=torch.float64), id="float64"),
            pytest.param(torch.tensor(0.25, dtype=torch.bfloat16), id="bfloat16"),
            pytest.param(torch.tensor(0.25, dtype=torch.float16), id="float16"),
        ],
    )
    def test_any_kind_of_number_is_accepted(self, harvest: Gathered, value: object) -> None:
        harvest.put(1, {"nll": value})
        assert arrived(harvest) == [(1, {"nll": 0.25})]

    @pytest.mark.parametrize(
        "value",
        [3, np.int64(3), np.array([3]), torch.tensor(3), torch.tensor(3, dtype=torch.uint8)],
        ids=["int", "numpy-int64", "numpy-array", "int64", "uint8"],
    )
    def test_any_kind_of_integer_is_delivered_as_a_float(self, harvest: Gathered, value: object) -> None:
        harvest.put(1, {"epoch": value})
        assert repr(arrived(harvest)) == "[(1, {'epoch': 3.0})]"

    def test_each_value_of_a_mix_keeps_its_precision(self, harvest: Gathered) -> None:
        """Stacking would convert all values to one dtype."""
        values = {
            "nll": torch.tensor(0.1, dtype=torch.float64),
            "rec": torch.tensor(1.5, dtype=torch.bfloat16),
            "kl": torch.tensor(70_001, dtype=torch.int32),
            "perception": 0.1,
            "epoch": 2**24 + 1,
            "logvar": None,
        }
        harvest.put(1, values)
        assert arrived(harvest) == [
            (1, {"nll": 0.1, "rec": 1.5, "kl": 70_001.0, "perception": 0.1, "epoch": float(2**24 + 1)})
        ]

    @pytest.mark.parametrize(
        "change",
        [
            lambda loss: loss.div_(4),
            lambda loss: loss.fill_(9.0),
            lambda loss: loss.untyped_storage().fill_(255),
            lambda loss: loss.untyped_storage().resize_(0),
        ],
        ids=["divided", "overwritten", "memory-reused", "memory-freed"],
    )
    def test_later_changes_of_a_tensor_have_no_effect(
        self, harvest: Gathered, change: Callable[[torch.Tensor], object]
    ) -> None:
        loss = torch.tensor([0.5])
        harvest.put(1, {"nll": loss})
        change(loss)
        assert arrived(harvest) == [(1, {"nll": 0.5})]

    def test_backward_still_works_after_an_observation(self, harvest: Gathered) -> None:
        weight = torch.tensor(2.0, requires_grad=True)
        loss = weight * weight
        harvest.put(1, {"nll": loss})
        (loss / 4).backward()  # type: ignore[no-untyped-call]  # torch's
        assert weight.grad == torch.tensor(1.0)
        assert arrived(harvest) == [(1, {"nll": 4.0})]

    def test_a_view_does_not_keep_its_base_alive(self, harvest: Gathered) -> None:
        base = torch.zeros(1_000_000)
        kept = weakref.ref(base)
        harvest.put(1, {"nll": base[0], "kl": base[1:2]})
        del base
        gc.collect()
        assert kept() is None

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (torch.ones(2, 3), "nll must have one element, got the shape (2, 3): pass nll.mean(), for example"),
            (torch.ones(0), "nll must have one element, got the shape (0,): pass nll.mean(), for example"),
            (torch.tensor(1j), "nll must be a real number, got a tensor of torch.complex64"),
            (torch.ones((), device="meta"), "nll must hold a value, got a tensor on the meta device"),
            (np.ones(2), "nll must be a number or a torch tensor with one element, got a ndarray"),
            (np.array(["0.5"]), "one element, got a str"),
            ("0.5", "one element, got a str"),
            (1j, "one element, got a complex"),
            ([0.5], "one element, got a list"),
        ],
    )
    def test_an_invalid_value_is_counted_and_logged_once(
        self, harvest: Gathered, failures: Failures, caplog: pytest.LogCaptureFixture, value: object, message: str
    ) -> None:
        harvest.put(1, {"nll": value, "kl": 9.0})
        harvest.put(2, {"nll": value})
        assert arrived(harvest) == [(1, {"kl": 9.0}), (2, {})]
        assert failures.dropped["invalid"] == 2
        assert caplog.text.count(message) == 1

    def test_the_default_device_does_not_matter(self, harvest: Gathered) -> None:
        loss = torch.tensor(0.5)
        with torch.device("meta"):
            harvest.put(1, {"nll": loss})
            assert arrived(harvest) == [(1, {"nll": 0.5})]
