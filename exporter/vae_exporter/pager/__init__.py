"""The local pager: takes what Alertmanager sends to PagerDuty, Slack and webhooks, and shows it."""

from vae_exporter.pager.notification import Link, Notification, NotificationError
from vae_exporter.pager.sink import PagerSink

__all__ = ["Link", "Notification", "NotificationError", "PagerSink"]
