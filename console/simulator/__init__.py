"""A made-up city and its weather, which answer over HTTP as EMT, WeatherAPI and OpenWeather do.

What it answers is a function of its seed and its clock, faults asked for aside.
"""

from __future__ import annotations

from console.simulator.server import Call, Simulator

__all__ = ["Call", "Simulator"]
