"""A lake with silver rows that change, its gold beside the judge's full computation."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jobs.pipeline import GOLD_EMT
from tests.judge import emt
from tests.spark.lakes import AUDIT, Lake, Row

if TYPE_CHECKING:
    from lakehouse.job import GoldGroup
    from lakehouse.ledger import Outcome
    from lakehouse.table import Table

SOURCES = {table.name: table for table in GOLD_EMT.sources}
ARRIVALS, HOURS = (job.table for job in GOLD_EMT.jobs)
_AVERAGES = ("avg_temp_c", "avg_wind_kph", "avg_precip_mm")
Gold = dict[str, dict[tuple[Any, ...], Row]]


class GoldLake:
    """Silver rows in tables and, the same, in memory; gold follows by runs of the group."""

    def __init__(self, lake: Lake, silver: dict[str, list[Row]]) -> None:
        self.lake = lake.make_for(GOLD_EMT)
        self.silver: dict[str, list[Row]] = {name: [] for name in SOURCES} | silver
        self.was: dict[str, dict[int, list[Row]]] = {name: {} for name in SOURCES}
        for name, rows in silver.items():
            self.was[name][self.lake.head(SOURCES[name])] = []
            self.lake.load(SOURCES[name], rows)

    def put(self, name: str, rows: list[Row]) -> None:
        """Merge rows that are newer than what is there, or new."""
        table = SOURCES[name]
        self._remember(name)
        assert self.lake.put(table, rows, replace=True).rejected == 0
        by_key = {_key(table, row): row for row in self.silver[name]}
        by_key.update({_key(table, row): row for row in rows})
        self.silver[name] = list(by_key.values())

    def remove(self, name: str, rows: list[Row]) -> None:
        """Delete rows."""
        table = SOURCES[name]
        self._remember(name)
        self.lake.delete(table, " or ".join(f"({_where(table, row)})" for row in rows))
        gone = [_key(table, row) for row in rows]
        self.silver[name] = [row for row in self.silver[name] if _key(table, row) not in gone]

    def set_back(self, name: str) -> None:
        """Roll a silver table back by one commit."""
        table = SOURCES[name]
        found = self.lake.history(table)
        parent = found.snapshots[found.refs["main"]].parent
        assert parent is not None
        self.lake.rollback(table, parent)
        self.silver[name] = copy.deepcopy(self.was[name][parent])

    def _remember(self, name: str) -> None:
        self.was[name][self.lake.head(SOURCES[name])] = list(self.silver[name])

    def choose(self, **settings: Any) -> None:
        """Change settings."""
        self.lake.settings = replace(self.lake.settings, **settings)

    def run(self, group: GoldGroup = GOLD_EMT, **options: Any) -> list[Outcome]:
        """Run the group."""
        return self.lake.run(group, **options)

    def gold(self) -> Gold:
        """Both gold tables by key."""
        return {
            table.name: {_key(table, row): row for row in self.lake.rows(table)}
            for table in (ARRIVALS, HOURS)
        }

    def judged(self) -> Gold:
        """What the judge makes of the silver rows, all of it."""
        chosen = self.lake.settings
        full = {
            name: [dict.fromkeys(SOURCES[name].names) | row for row in rows]
            for name, rows in self.silver.items()
        }
        found = emt.gold(
            full,
            delay_ratio_thresh=chosen.delay_ratio_thresh,
            wx_recent_minutes=chosen.wx_recent_minutes,
            weather_location=chosen.weather_location,
        )
        return {
            table.name: {_key(table, row): row for row in found[table.name]}
            for table in (ARRIVALS, HOURS)
        }

    def check(self) -> Gold:
        """Assert that gold is the judge's, row for row; returns it."""
        mine, expected = self.gold(), self.judged()
        for name, rows in expected.items():
            assert mine[name].keys() == rows.keys(), name
            for key, row in rows.items():
                assert content(mine[name][key]) == _near(row), (name, key)
        return mine


def content(row: Row) -> Row:
    """A row without its audit columns."""
    return {name: value for name, value in row.items() if name not in AUDIT}


def _near(row: Row) -> Row:
    averages = {
        name: pytest.approx(row[name], rel=1e-12) for name in _AVERAGES if row.get(name) is not None
    }
    return {**row, **averages}


def kept_their_run(before: Gold, after: Gold, run_id: str) -> None:
    """Assert that equal rows are untouched, and that changed ones name the run."""
    for name, rows in after.items():
        for key, row in rows.items():
            old = before[name].get(key)
            if old is not None and content(old) == content(row):
                assert row == old, (name, key)
            else:
                assert row["run_id"] == run_id, (name, key)


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in table.key)


def _where(table: Table, row: Row) -> str:
    texts = {"timestamp": "timestamp'{:%Y-%m-%d %H:%M:%S} UTC'", "date": "date'{:%Y-%m-%d}'"}
    return " and ".join(
        f"{name} = " + texts.get(table.column(name).kind, "'{}'").format(row[name])
        for name in table.key
    )
