"""Incidents: one row for each guid."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from .days import UTC, from_local
from .reading import text

if TYPE_CHECKING:
    from .reading import Row


def convert(answered: list[Row]) -> list[Row]:
    """Return each incident once: the version published last (EMT puts some times back)."""
    rows = sorted((_row(incident) for incident in answered), key=_published)
    return list({row["guid"]: row for row in rows}.values())


def _published(row: Row) -> datetime:
    return row["published_ts"] or datetime.min.replace(tzinfo=UTC)


def _row(incident: Row) -> Row:
    published = text(incident.get("pubDate"))
    return {
        "guid": text(incident["guid"]),
        "title": text(incident.get("title")),
        "description": text(incident.get("description")),
        "published_ts": parsedate_to_datetime(published).astimezone(UTC) if published else None,
        "valid_from_ts": _local(incident.get("rssFrom")),
        "valid_to_ts": _local(incident.get("rssTo")),
        "cause": text(incident.get("cause")),
        "effect": text(incident.get("effect")),
        "more_info_url": text((incident.get("moreInfo") or {}).get("@url")),
    }


def _local(value: Any) -> datetime | None:
    plain = text(value)
    # The answer names no time zone: it is Madrid's.
    return from_local(datetime.strptime(plain, "%d/%m/%Y %H:%M:%S")) if plain else None  # noqa: DTZ007
