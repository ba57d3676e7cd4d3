"""Prometheus and Alertmanager on this machine: their files, their programs, running them and asking them."""
