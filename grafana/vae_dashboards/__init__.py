"""The Grafana dashboards, as Python. `make dashboards` writes them into ``grafana/dashboards``.

One file a dashboard, or a folder: which panels there are, with their queries and words. What they have in common stands
in `panels` (how a panel is built), `looks` (how its parts look), `queries` (how a series is asked for), `meanings`
(what a number means) and `board` (the frame, its variables and annotations).
"""
