"""A machine with one simulated A100, on which nvidia-smi is a script that answers in its formats."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from children import finished

from vae_exporter.simulated_gpu import STATE_VARIABLE, SimulatedDriver, a100

if TYPE_CHECKING:
    from collections.abc import Mapping

GPU = "GPU-00000000-c1a0-4000-8000-00000000a100"

REASONS = (
    "gpu_idle",
    "applications_clocks_setting",
    "sw_power_cap",
    "hw_slowdown",
    "sync_boost",
    "sw_thermal_slowdown",
    "hw_thermal_slowdown",
    "hw_power_brake_slowdown",
)

AS_NVIDIA_SMI: dict[str, Any] = {
    "list": f"GPU 0: NVIDIA A100-SXM4-80GB (UUID: {GPU})",
    "gpu": {
        "uuid": GPU,
        "index": "0",
        "name": "NVIDIA A100-SXM4-80GB",
        "pci.bus_id": "00000000:01:00.0",
        "driver_version": "550.54.15",
        "memory.total": "81920",
        "memory.used": "61440",
        "memory.free": "19880",
        "memory.reserved": "600",
        "temperature.gpu": "52",
        "temperature.memory": "64",
        "power.draw": "315.25",
        "utilization.gpu": "98",
        "utilization.memory": "47",
        "clocks.current.graphics": "1410",
        "clocks.current.sm": "1410",
        "clocks.current.memory": "1593",
        "clocks.current.video": "1275",
        "clocks_event_reasons.supported": "0x00000000000001FF",
        "clocks_event_reasons.active": "0x0000000000000004",
        **{f"clocks_event_reasons.{reason}": "Not Active" for reason in REASONS},
        "clocks_event_reasons.sw_power_cap": "Active",
        "ecc.errors.corrected.volatile.total": "0",
        "ecc.errors.uncorrected.volatile.total": "0",
    },
    "remapped-rows": {
        "gpu_uuid": GPU,
        "remapped_rows.correctable": "0",
        "remapped_rows.uncorrectable": "0",
        "remapped_rows.pending": "No",
        "remapped_rows.failure": "No",
    },
    "compute-apps": {"pid": "1", "gpu_uuid": GPU, "used_memory": "[N/A]"},
}
"""What nvidia-smi prints for the simulated A100."""


@dataclass(frozen=True)
class Machine:
    """A machine with one simulated A100."""

    folder: Path
    driver: SimulatedDriver
    environment: Mapping[str, str]

    def answer(self, **queries: Mapping[str, str]) -> None:
        """Let nvidia-smi print other values for some fields of ``gpu`` or ``remapped_rows``."""
        changed = {name.replace("_", "-"): values for name, values in queries.items()}
        answers = {
            kind: {**fields, **changed.get(kind, {})} if isinstance(fields, dict) else fields
            for kind, fields in AS_NVIDIA_SMI.items()
        }
        (self.folder / "answers.json").write_text(json.dumps(answers))

    def run(self, script: str) -> Any:  # noqa: ANN401 - JSON
        """Run *script* on this machine, and return the JSON that it prints."""
        done = finished([sys.executable, "-c", script], env=dict(self.environment))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def machine_with_a100(folder: Path, libraries: Path) -> Machine:
    """Return a machine whose programs and answers are in *folder*, and whose simulated driver is in *libraries*."""
    program = folder / "nvidia-smi"
    program.symlink_to(Path(__file__).with_name("stand_in_nvidia_smi.py"))
    driver = SimulatedDriver(folder / "driver.txt", [a100()])
    environment = {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "LD_LIBRARY_PATH": str(libraries),
        STATE_VARIABLE: str(driver.file),
        "NVIDIA_SMI_ANSWERS": str(folder / "answers.json"),
    }
    made = Machine(folder, driver, environment)
    made.answer()
    return made
