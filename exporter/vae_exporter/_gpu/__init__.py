"""Reads the memory and the health of GPUs in one thread. Scrapes read its last results and never call the driver."""
