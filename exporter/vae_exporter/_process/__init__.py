"""How a run begins, is found by Prometheus, and ends."""
