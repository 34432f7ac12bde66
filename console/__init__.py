"""The operator's side, never shipped: the `lake` command and what it stands on."""

from __future__ import annotations
