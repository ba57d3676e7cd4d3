"""The Grafana dashboards, as Python. `make dashboards` writes them into ``grafana/dashboards``.

Each dashboard has a file or a folder, which defines its panels. They share `panels`, `tables` and `steps` (the
kinds of panels), `looks` (styles), `queries` (selectors), `meanings` (value mappings) and `board` (variables,
annotations and layout).
"""
