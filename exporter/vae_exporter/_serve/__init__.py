"""Serves metrics: the HTTP endpoint, the registry behind it, and the collectors."""
