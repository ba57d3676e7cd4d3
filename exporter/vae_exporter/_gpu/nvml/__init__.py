"""NVIDIA's implementation of `GpuSource`: all code that uses NVML through the module `pynvml`."""
