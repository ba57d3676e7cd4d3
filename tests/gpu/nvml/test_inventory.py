"""The devices of a machine, as the real pynvml finds them in the simulated driver."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from vae_exporter._gpu.facts import GpuIdentity
from vae_exporter._gpu.nvml.devices import Slice
from vae_exporter._gpu.nvml.inventory import all_gpus, own_pid
from vae_exporter.simulated_gpu import a100, in_mig_mode, mig_slice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from vae_exporter.simulated_gpu import SimulatedDriver

    Drive = Callable[..., SimulatedDriver]


def uuids(pynvml: ModuleType) -> list[str]:
    return [gpu.uuid for gpu in all_gpus(pynvml)]


UUID = "GPU-{:08x}-c1a0-4000-8000-00000000a100".format


def test_the_identity_of_a_gpu(drive: Drive, pynvml: ModuleType) -> None:
    drive(a100(gibibytes=40))
    pynvml.nvmlInit()
    (gpu,) = all_gpus(pynvml)
    assert gpu.identity == GpuIdentity(UUID(0), 0, "NVIDIA A100-SXM4-40GB", "00000000:01:00.0", "550.54.15")
    assert (gpu.slices, gpu.place, gpu.parent) == ((), None, gpu.handle)


def test_eight_gpus_are_in_order(drive: Drive, pynvml: ModuleType) -> None:
    drive(*map(a100, range(8)))
    pynvml.nvmlInit()
    assert uuids(pynvml) == [UUID(index) for index in range(8)]


def test_the_slices_of_a_gpu(drive: Drive, pynvml: ModuleType) -> None:
    drive(a100(0), in_mig_mode(a100(1), [mig_slice(0), mig_slice(1, gibibytes=20, profile="2g.20gb")]))
    pynvml.nvmlInit()
    whole, cut = all_gpus(pynvml)
    assert whole.slices == ()
    assert [part.place for part in cut.slices] == [Slice(7, 0), Slice(8, 0)]
    assert [part.identity.mig_profile for part in cut.slices] == ["1g.10gb", "2g.20gb"]
    assert [part.identity.name for part in cut.slices] == ["NVIDIA A100-SXM4-80GB"] * 2
    assert {part.parent for part in cut.slices} == {cut.handle}


def test_a_lost_gpu_does_not_hide_the_others(drive: Drive, pynvml: ModuleType) -> None:
    driver = drive(*map(a100, range(3)))
    driver.answer("gpu.1.lost", 1)
    pynvml.nvmlInit()
    assert [(gpu.uuid, gpu.identity.index) for gpu in all_gpus(pynvml)] == [(UUID(0), 0), (UUID(2), 2)]


@pytest.mark.parametrize("error", [4, 999], ids=["no-permission", "unknown"])
def test_a_gpu_without_a_uuid_is_ignored(drive: Drive, pynvml: ModuleType, error: int) -> None:
    driver = drive(*map(a100, range(2)))
    driver.answer("gpu.0.uuid", f"error {error}")
    pynvml.nvmlInit()
    assert uuids(pynvml) == [UUID(1)]


def test_unsupported_parts_of_the_identity_are_absent(drive: Drive, pynvml: ModuleType) -> None:
    driver = drive(a100())
    for name in ("name", "pci_bus_id", "mig"):
        driver.forget(f"gpu.0.{name}")
    pynvml.nvmlInit()
    (gpu,) = all_gpus(pynvml)
    assert (gpu.identity.name, gpu.identity.pci_bus_id, gpu.slices) == ("unknown", None, ())


def test_a_name_that_is_not_valid_text_is_unknown(drive: Drive, pynvml: ModuleType) -> None:
    driver = drive(a100())
    driver.file.write_bytes(driver.file.read_bytes().replace(b"NVIDIA A100", b"\xff\xfe"))
    pynvml.nvmlInit()
    (gpu,) = all_gpus(pynvml)
    assert gpu.identity.name == "unknown"


def test_a_driver_that_is_gone_is_an_error(drive: Drive, pynvml: ModuleType) -> None:
    drive(a100())
    pynvml.nvmlInit()
    pynvml.nvmlShutdown()
    with pytest.raises(pynvml.NVMLError, match="Uninitialized"):
        all_gpus(pynvml)


@pytest.mark.parametrize("error", [1, 9, 18], ids=["uninitialized", "not-loaded", "mismatch"])
def test_a_driver_that_disappears_during_a_call_is_an_error(drive: Drive, pynvml: ModuleType, error: int) -> None:
    drive(a100(0), {**a100(1), "uuid": f"error {error}"})
    pynvml.nvmlInit()
    with pytest.raises(pynvml.NVMLError):
        all_gpus(pynvml)


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        pytest.param("pid:[4026531836]", os.getpid(), id="the-machine's"),
        pytest.param("pid:[4026532500]", None, id="a-container's"),
        pytest.param(None, None, id="unknown"),
    ],
)
def test_the_pid_is_known_only_in_the_initial_namespace(
    tmp_path: Path, namespace: str | None, expected: int | None
) -> None:
    folder = tmp_path / "self" / "ns"
    folder.mkdir(parents=True)
    if namespace:
        (folder / "pid").symlink_to(namespace)
    assert own_pid(tmp_path) == expected
