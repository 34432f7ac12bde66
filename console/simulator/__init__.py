"""A made-up city whose buses and weather answer over real HTTP, the same for the same seed."""

from __future__ import annotations
