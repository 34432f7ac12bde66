"""The SQL of analysts and auditors, sql/athena/: listed, run in every place, and made views."""

from __future__ import annotations
