"""What every program of the lake shares; ships with the jobs, so Python 3.9 and pyspark only."""

from __future__ import annotations
