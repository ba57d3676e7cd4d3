"""Compares every metric that is read with NVML with nvidia-smi.

The two programs read at different moments. Therefore nvidia-smi runs before and after each reading of the exporter,
and a value agrees if it lies between the two, with a tolerance. A value that moves gets several rounds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter.doctor.finding import Finding
from vae_exporter.doctor.gpu import nvidia_smi
from vae_exporter.doctor.gpu.driver_fields import FIELDS, IDENTITY, SUPPORTED_REASONS, UUID_FIELDS, Field
from vae_exporter.doctor.gpu.driver_units import mebibytes
from vae_exporter.doctor.gpu.exporters import local_exporter
from vae_exporter.doctor.metrics import next_reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vae_exporter.doctor.metrics import Scrape

CHECK = "driver values"

ROUNDS = 5

ENERGY_TOLERANCE = 0.25
"""The accepted difference between the power from the energy counter and the power that nvidia-smi reports."""


@dataclass(frozen=True)
class Round:
    """A reading of the exporter between two answers of nvidia-smi, which map a field to its text."""

    before: Mapping[str, str | None]
    found: Scrape
    after: Mapping[str, str | None]


def compare(uuid: str, rounds: int = ROUNDS) -> Iterator[Finding]:
    """Compare the exporter with nvidia-smi in *rounds* for the GPU *uuid*."""
    if uuid not in nvidia_smi.devices()[0]:
        yield Finding(CHECK, "fields of nvidia-smi", f"{uuid} is not a whole GPU, and nvidia-smi does not query slices")
        return
    known = {kind: nvidia_smi.known_fields(kind) for kind in UUID_FIELDS}
    with local_exporter(gpus="all") as exporter:
        url = str(exporter.url)
        taken = [Round(_answers(uuid, known), next_reading(url, uuid), _answers(uuid, known)) for _ in range(rounds)]
    yield from _identity(uuid, taken[-1])
    for field in FIELDS:
        yield compared(field, nvidia_smi.first_known(field.names, known[field.kind]), uuid, taken)
    yield _process_memory(uuid, taken[-1].found)
    yield _energy(uuid, taken)


def compared(field: Field, name: str | None, uuid: str, rounds: list[Round]) -> Finding:
    """Compare *field*, which this nvidia-smi calls *name*, in all *rounds*. It is enough if one round agrees."""
    values = [taken.found.value(field.metric, gpu=uuid, **field.labels) for taken in rounds]
    if name is None:
        return Finding(CHECK, field.title, _number(values[-1]), f"no field {field.names[0]} in this nvidia-smi")
    agreeing = [
        index
        for index, taken in enumerate(rounds)
        if _agrees(field, values[index], taken.before[name], taken.after[name])
    ]
    shown = agreeing[0] if agreeing else -1
    texts = (rounds[shown].before[name], rounds[shown].after[name])
    expected = " to ".join(dict.fromkeys(_number(None if text is None else field.read(text)) for text in texts))
    return Finding(CHECK, field.title, _number(values[shown]), f"{expected} ({name})", passed=bool(agreeing))


def _agrees(field: Field, value: float | None, *texts: str | None) -> bool:
    expected = [field.read(text) for text in texts if text is not None]
    if value is None or not expected:
        return value is None and not expected
    slack = max(field.absolute, field.relative * max(map(abs, expected)))
    return min(expected) - slack <= value <= max(expected) + slack


def _answers(uuid: str, known: Mapping[str, set[str]]) -> dict[str, str | None]:
    """Return what nvidia-smi reports about the GPU *uuid*, by field."""
    supported = nvidia_smi.first_known(SUPPORTED_REASONS, known["gpu"])
    extra = {"gpu": {*IDENTITY.values(), supported}}
    answers: dict[str, str | None] = {}
    for kind, key in UUID_FIELDS.items():
        names = {nvidia_smi.first_known(field.names, known[kind]) for field in FIELDS if field.kind == kind}
        fields = [key, *sorted(name for name in names | extra.get(kind, set()) if name is not None)]
        answers |= next(row for row in nvidia_smi.query(kind, fields) if row[key] == uuid)
    mask = answers.get(supported or "")
    return answers if mask is None else _without_unsupported(answers, int(mask, 16))


def _without_unsupported(answers: Mapping[str, str | None], supported: int) -> dict[str, str | None]:
    """Return *answers* with None for the reasons that the device cannot report: nvidia-smi calls them not active."""
    bits = {name: field.supported_bit for field in FIELDS for name in field.names}
    return {
        name: None if (bit := bits.get(name)) is not None and not supported & bit else text
        for name, text in answers.items()
    }


def _identity(uuid: str, taken: Round) -> Iterator[Finding]:
    (info,) = taken.found.of("vae_gpu_info", gpu=uuid)
    for label, name in IDENTITY.items():
        value, expected = info.labels.get(label, "absent"), taken.after[name]
        yield Finding(CHECK, f"vae_gpu_info {label}", value, f"{expected} ({name})", passed=value == expected)


def _process_memory(uuid: str, found: Scrape) -> Finding:
    apps = nvidia_smi.query("compute-apps", ["pid", "gpu_uuid", "used_memory"])
    own = [app["used_memory"] for app in apps if app["pid"] == str(os.getpid()) and app["gpu_uuid"] == uuid]
    used = [mebibytes(text) for text in own if text is not None]
    value = found.value("vae_gpu_process_memory_bytes", gpu=uuid)
    expected = sum(used) if used else None
    if value is None or expected is None:
        passed = value is None and expected is None
    else:
        passed = abs(value - expected) <= 64 * 2**20
    shown = f"{_number(expected)} (compute-apps of process {os.getpid()})"
    return Finding(CHECK, "vae_gpu_process_memory_bytes", _number(value), shown, passed=passed)


def _energy(uuid: str, rounds: list[Round]) -> Finding:
    """Compare the power from the energy counter with the mean of the power that nvidia-smi reports."""
    what = "vae_gpu_energy_joules_total, as power"
    first, last = rounds[0].found, rounds[-1].found
    of: Callable[[Scrape, str], float | None] = lambda found, name: found.value(name, gpu=uuid)  # noqa: E731
    joules = (of(first, "vae_gpu_energy_joules_total"), of(last, "vae_gpu_energy_joules_total"))
    times = (of(first, "vae_gpu_sample_timestamp_seconds"), of(last, "vae_gpu_sample_timestamp_seconds"))
    draws = [
        float(text) for taken in rounds for text in (taken.before["power.draw"], taken.after["power.draw"]) if text
    ]
    if None in joules or None in times or not draws:
        return Finding(CHECK, what, "absent")
    watts = (joules[1] - joules[0]) / (times[1] - times[0])  # type: ignore[operator]
    mean = sum(draws) / len(draws)
    passed = abs(watts - mean) <= ENERGY_TOLERANCE * mean
    return Finding(CHECK, what, f"{watts:.0f} W", f"{mean:.0f} W (mean of power.draw)", passed=passed)


def _number(value: float | None) -> str:
    return "absent" if value is None else f"{value:.10g}"
