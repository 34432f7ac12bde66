"""The independent judge: Madrid's buses against the weather, told again in plain Python."""

from __future__ import annotations
