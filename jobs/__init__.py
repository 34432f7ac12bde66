"""bronze → silver → gold: a file a table."""

from __future__ import annotations
