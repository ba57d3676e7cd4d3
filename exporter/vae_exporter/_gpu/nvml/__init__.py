"""All that knows NVML and its Python module `pynvml`."""
