from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter.doctor.gpu.driver_fields import COMPARED_OTHERWISE, FIELDS, NOT_IN_NVIDIA_SMI

if TYPE_CHECKING:
    from simulated_machine import Machine

GPU = "GPU-00000000-c1a0-4000-8000-00000000a100"

COMPARE = f"""
import json
from vae_exporter.doctor.gpu.driver_comparison import compare
print(json.dumps([vars(finding) for finding in compare({GPU!r}, rounds=2)]))
"""

PUBLISHED = f"""
import json
from vae_exporter.doctor.gpu.exporters import local_exporter
from vae_exporter.doctor.metrics import next_reading
with local_exporter(gpus="all") as exporter:
    found = next_reading(exporter.url, {GPU!r})
print(json.dumps(sorted({{sample.name for sample in found.samples if sample.name.startswith("vae_gpu_")}})))
"""


def failures(findings: list[dict[str, object]]) -> list[object]:
    return [finding["what"] for finding in findings if finding["passed"] is False]


def test_every_value_of_a_healthy_machine_agrees(machine: Machine) -> None:
    findings = machine.run(COMPARE)
    assert failures(findings) == []
    assert {finding["passed"] for finding in findings} == {True}
    assert len(findings) > len(FIELDS)


def test_a_value_that_differs_fails_and_shows_both(machine: Machine) -> None:
    machine.answer(gpu={"temperature.memory": "91"}, remapped_rows={"remapped_rows.pending": "Yes"})
    findings = machine.run(COMPARE)
    assert failures(findings) == ["vae_gpu_memory_temperature_celsius", "vae_gpu_row_remap_pending"]
    (temperature,) = (finding for finding in findings if finding["what"] == "vae_gpu_memory_temperature_celsius")
    assert (temperature["figure"], temperature["expected"]) == ("64", "91 (temperature.memory)")


def test_a_value_that_only_the_exporter_has_fails(machine: Machine) -> None:
    machine.answer(gpu={"temperature.memory": "N/A", "ecc.errors.corrected.volatile.total": "[Not Supported]"})
    assert failures(machine.run(COMPARE)) == [
        "vae_gpu_memory_temperature_celsius",
        "vae_gpu_ecc_errors_total corrected",
    ]


def test_a_reason_that_the_device_does_not_support_is_absent_in_both(machine: Machine) -> None:
    machine.driver.answer("gpu.0.throttled.supported", 0xFF)
    machine.answer(gpu={"clocks_event_reasons.supported": "0x00000000000000FF"})
    assert failures(machine.run(COMPARE)) == []


def test_a_power_that_contradicts_the_energy_counter_fails(machine: Machine) -> None:
    machine.answer(gpu={"power.draw": "150.00"})
    assert failures(machine.run(COMPARE)) == ["vae_gpu_power_watts", "vae_gpu_energy_joules_total, as power"]


def test_every_published_metric_is_compared(machine: Machine) -> None:
    compared = {field.metric for field in FIELDS} | COMPARED_OTHERWISE
    never_without_an_error = {"vae_gpu_xid_errors_total", "vae_gpu_process_memory_bytes"}
    assert set(machine.run(PUBLISHED)) == (compared | NOT_IN_NVIDIA_SMI) - never_without_an_error
