"""The recorded days and real processes."""

from __future__ import annotations
