"""Export the losses of a video-VAE training run to Prometheus, which pages you when the run diverges."""

from vae_exporter._version import __version__
from vae_exporter.errors import EndpointError, SettingsError, StackError, VaeExporterError
from vae_exporter.training_exporter import TrainingExporter

__all__ = ["EndpointError", "SettingsError", "StackError", "TrainingExporter", "VaeExporterError", "__version__"]
