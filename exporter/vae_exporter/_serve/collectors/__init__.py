"""One collector a file: each turns the facts of a run into metrics of one subject. docs/metrics.md describes them."""
