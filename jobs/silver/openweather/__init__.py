"""OpenWeather's observations of the asked cities, whichever way they came."""

from __future__ import annotations
