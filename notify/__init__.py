"""What the alert topic says, told to people."""

from __future__ import annotations
