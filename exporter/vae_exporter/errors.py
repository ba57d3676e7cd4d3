"""What the exporter raises, always before the training starts: never out of a training step."""


class VaeExporterError(Exception):
    """Any error of this package."""


class SettingsError(VaeExporterError, ValueError):
    """A setting that cannot be used. The message names the value, what was expected and what to do."""


class EndpointError(VaeExporterError, OSError):
    """The endpoint cannot listen where it was told to."""


class StackError(VaeExporterError):
    """A part of the monitoring stack (a program or a file of its configuration) cannot be found or started."""


class LogError(VaeExporterError):
    """A log that cannot be read as one. The message says what was found and what was expected."""
