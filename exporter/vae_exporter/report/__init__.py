"""One page about one run, to keep or to send: the verdict, and what led to it, by step.

`Report` is what the page tells. It knows nothing of Prometheus: `read_report` fills it from a server, and whoever has
the figures from elsewhere fills it himself. `render` makes the page, one HTML file that needs nothing else.
"""

from vae_exporter.report.contents import Alert, Curve, GpuMemory, Report
from vae_exporter.report.from_prometheus import read_report
from vae_exporter.report.page import render

__all__ = ["Alert", "Curve", "GpuMemory", "Report", "read_report", "render"]
