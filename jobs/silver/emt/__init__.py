"""EMT Madrid's buses, stops, lines, timetables and days."""

from __future__ import annotations
