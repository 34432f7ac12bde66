"""Where secrets may be sent: https, or this machine itself."""

from __future__ import annotations

import ipaddress
from urllib.parse import quote, urlsplit

from lakehouse.errors import ConfigurationError
from lakehouse.log import redact


def checked(base_url: str) -> str:
    """The base URL without its last slash.

    Raises ConfigurationError unless it is https to a public host, or http(s) to loopback: a
    setting must not make us send passwords in clear or ask a cloud's metadata service.
    """
    shown = redact(base_url)
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise ConfigurationError(f"{shown!r} is no URL: {error}") from error
    if parts.username or parts.password or parts.query or parts.fragment or not host:
        raise ConfigurationError(f"the base URL of {host or shown!r} is not scheme://host/path")
    address = _address(host)
    if address is not None and not (address.is_loopback or address.is_global):
        raise ConfigurationError(f"{shown!r}: a private or link-local address is not called")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(base_url)):
        raise ConfigurationError(f"{shown!r}: only https, or http to this machine")
    return base_url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether it is this machine."""
    host = urlsplit(url).hostname or ""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def segment(text: str) -> str:
    """A text as one segment of a path."""
    return quote(text, safe="")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
