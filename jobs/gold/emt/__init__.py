"""Madrid's buses against the weather."""

from __future__ import annotations
