"""The runs that Prometheus and Alertmanager have: their current standing, and the dismissal of dead ones."""
