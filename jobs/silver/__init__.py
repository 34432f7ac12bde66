"""Bronze files → silver tables, MERGEd by key."""

from __future__ import annotations
