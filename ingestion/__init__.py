"""Sources → bronze, pulled or dropped: what was answered, as it was answered."""

from __future__ import annotations
