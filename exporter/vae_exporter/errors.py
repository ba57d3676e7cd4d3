"""The exceptions of this package. None of them is raised from a training step."""


class VaeExporterError(Exception):
    """The base class of all errors of this package."""


class SettingsError(VaeExporterError, ValueError):
    """A setting is invalid. The message states the value, what was expected and what to do."""


class EndpointError(VaeExporterError, OSError):
    """The metrics endpoint cannot listen on the given host and port."""


class StackError(VaeExporterError):
    """A program or configuration file of the monitoring stack is missing or does not work."""


class DoctorError(VaeExporterError):
    """A check of ``vae-exporter doctor`` cannot run. The message states what is missing."""


class LogError(VaeExporterError):
    """A training log cannot be parsed. The message states what was found and what was expected."""
