"""Questions of an auditor: what happened to a table, what changed, and who made a row."""

from __future__ import annotations
