"""Which requests the pager accepts: those of Alertmanager and of its own web page, and none of another website.

A browser sends requests of any website to 127.0.0.1, and a website can let its own name resolve to 127.0.0.1. The
headers Origin and Host show both.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


class OriginError(Exception):
    """A request comes from another website."""


def check_origin(host: str, origin: str | None, *, own_name: str = "") -> None:
    """Check the headers Host and Origin of a request. None means that there is no Origin.

    A website cannot own an IP address, ``localhost`` or a name without a dot. *own_name* is accepted as well.

    Raises:
        OriginError: The request may come from another website.
    """
    name = _name(host)
    if name and "." in name and name != own_name.lower() and not _is_address(name):
        raise OriginError(
            f"the pager does not answer for the name {name!r}: use its IP address or a name without a dot, or start it "
            f"with --host {name}"
        )
    if origin is not None and origin.lower() not in (f"http://{host}".lower(), f"https://{host}".lower()):
        raise OriginError(f"the pager does not answer requests of other websites, got Origin {origin!r}")


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError as error:
        raise OriginError(f"Host must be a name or an address, got {host!r}") from error


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
