"""Compiles the library of the simulated driver, and loads it instead of the real one."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vae_exporter.errors import StackError
from vae_exporter.simulated_gpu.answers import a100
from vae_exporter.simulated_gpu.driver import SimulatedDriver

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).with_name("nvml_stand_in.c")

LIBRARY = "libnvidia-ml.so.1"
"""The file name of NVIDIA's library, under which pynvml loads it."""

STATE_VARIABLE = "NVML_STAND_IN"
"""The environment variable with the path of the `SimulatedDriver` file."""


def build(folder: Path, *, own_name: str = LIBRARY) -> Path:
    """Compile the driver's library into *folder*, and return its path.

    Once it is loaded, every request in the process for a library called *own_name* (its DT_SONAME) gets it.

    Raises:
        StackError: If there is no C compiler, or it fails.
    """
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None:
        raise StackError(
            "the simulated GPU needs a C compiler, but cc is not on PATH: install one, on Debian and Ubuntu with "
            "`apt-get install gcc libc6-dev`"
        )
    library = folder / LIBRARY
    options = ["-std=gnu11", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", f"-Wl,-soname,{own_name}"]
    command = [compiler, *options, "-Wall", "-Wextra", "-Werror", "-o", str(library), str(SOURCE)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    except OSError as error:
        raise StackError(f"cannot run the C compiler {compiler} ({error}): set CC to a working one") from error
    if done.returncode:
        raise StackError(f"the C compiler {compiler} cannot compile {SOURCE.name}:\n{done.stderr}")
    return library


@contextmanager
def simulated_gpu(folder: Path, name: str) -> Iterator[SimulatedDriver]:
    """Simulate one A100, called *name*, in this process. Enter this before the first GPU sampler starts.

    Raises:
        StackError: If the driver cannot be compiled.
    """
    library = build(folder)
    driver = SimulatedDriver(folder / "simulated_gpu.txt", [a100(name=name)])
    os.environ[STATE_VARIABLE] = str(driver.file)
    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    try:
        yield driver
    finally:
        os.environ.pop(STATE_VARIABLE)
