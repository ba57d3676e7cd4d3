"""Prometheus and Alertmanager as local processes: their files, their programs, and a client for their APIs."""
