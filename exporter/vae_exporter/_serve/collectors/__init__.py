"""One collector per file, each for one group of metrics. docs/metrics.md describes the metrics."""
