"""What the gold tables mean, one SELECT each; read as text by `lakehouse.sql`."""

from __future__ import annotations
