"""Write an HTML report of a run: its verdict, its alerts and its losses by step.

`Report` is the content of the page. `read_report` fills it from a Prometheus server, and `from_log.report_of` from a
judged log. `render` turns it into one self-contained HTML file.
"""

from vae_exporter.report.contents import Alert, GpuMemory, Report
from vae_exporter.report.from_prometheus import read_report
from vae_exporter.report.page import render
from vae_exporter.stack.curve import Curve

__all__ = ["Alert", "Curve", "GpuMemory", "Report", "read_report", "render"]
