"""Measured ratios: what a growing lake costs, against the bars it must keep."""

from __future__ import annotations
