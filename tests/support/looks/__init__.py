"""A simulated hour of ten trainings, shown by a real Grafana and photographed. ``make look`` uses it."""
