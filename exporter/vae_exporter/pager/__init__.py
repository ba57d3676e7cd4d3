"""The local pager: receives what Alertmanager sends to PagerDuty, Slack and webhooks, and shows it."""

from vae_exporter.pager.notification import Link, Notification, NotificationError
from vae_exporter.pager.sink import PagerSink
from vae_exporter.pager.web import pager_app

__all__ = ["Link", "Notification", "NotificationError", "PagerSink", "pager_app"]
