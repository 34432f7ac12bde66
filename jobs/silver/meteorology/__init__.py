"""The weather as observed."""

from __future__ import annotations
