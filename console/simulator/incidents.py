"""The made-up city's incidents: road works, a march, and the floods of its storms."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from console.simulator import weather

_SPACE = uuid.UUID("6c1d4f4e-0d8e-4f63-9d55-1f6a4c0b7a11")


@dataclass(frozen=True)
class Incident:
    """One that may be announced on a day, for the lines it names."""

    title: str
    text: str
    hours: tuple[str, str]
    cause: str
    effect: str
    labels: tuple[str, ...]


_WORKS = Incident(
    "Obras en el paseo de la Cigüeña.",
    "obras de canalización en el paseo de la Cigüeña",
    ("5:00:00", "23:59:00"), "06 - Obras", "05 - Desvío programado", ("5", "27", "C1"),
)  # fmt: skip
_MARCH = Incident(
    "Manifestación en zona centro.",
    "manifestación entre la plaza Menor y el puente Largo",
    ("18:00:00", "20:30:00"), "04 - Manifestación", "05 - Desvío programado", ("1", "14", "001"),
)  # fmt: skip
_FLOOD = Incident(
    "Balsas de agua por tormenta.",
    "balsas de agua en la calzada por la tormenta",
    ("17:00:00", "22:00:00"), "09 - Meteorología", "03 - Retenciones", ("34", "45", "146", "N1"),
)  # fmt: skip


def announced(day: date, labels: set[str]) -> list[dict[str, Any]]:
    """The day's incidents that concern one of these lines."""
    since_storm = (day - weather.STORM_DAY).days % weather.EVERY_DAYS
    today = (_WORKS, *([_FLOOD] if since_storm == 0 else [_MARCH] if since_storm == 1 else []))
    return [_answer(day, incident) for incident in today if labels & set(incident.labels)]


def _answer(day: date, incident: Incident) -> dict[str, Any]:
    guid = str(uuid.uuid5(_SPACE, f"{day}/{incident.title}")).upper()
    lines = f"{', '.join(incident.labels[:-1])} y {incident.labels[-1]}"
    before = day - timedelta(days=1)
    logo = "<p><img src='https://example.org/logo.png'/></p>"
    return {
        "title": f"{incident.title} Afectadas {len(incident.labels)} líneas de EMT.",
        "guid": guid,
        "description": f"El {day:%d/%m}, las líneas {lines} tendrán modificaciones por "
        f"{incident.text}. Ver más detalle en documento adjunto.{logo}",
        "pubDate": f"{_WEEKDAYS[before.weekday()]}, {before.day:02d} {_MONTHS[before.month - 1]} "
        f"{before.year} 10:19:38 GMT",
        "rssFrom": f"{day:%d/%m/%Y} {incident.hours[0]}",
        "rssTo": f"{day:%d/%m/%Y} {incident.hours[1]}",
        "cause": incident.cause,
        "effect": incident.effect,
        "moreInfo": {
            "@url": f"https://example.org/{guid}.pdf",
            "@type": "application/pdf",
            "@length": "72956",
        },
    }


_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
