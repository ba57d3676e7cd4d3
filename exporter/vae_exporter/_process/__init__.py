"""The life of a run in its process: its settings, its discovery by Prometheus, its failures and its end."""
