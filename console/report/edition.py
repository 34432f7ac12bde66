"""The report's contents: ask every question once and put the answers in their places."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from console.report import punctuality, quality, queries, summary, upkeep, weather, words
from console.report.page import Page, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from console.report.facts import Count, Overview

TITLE = "Madrid\u2019s buses against the weather"


def edit(
    con: duckdb.DuckDBPyConnection,
    now: datetime,
    source: str,
    tables: Sequence[summary.TableFact],
    attribution: str,
    late_ratio: float,
    patients: Sequence[upkeep.Patient] = (),
) -> Page:
    """The whole page, from one reading of the lake."""
    overview = queries.overview(con)
    causes = queries.unrated(con)
    unrated = summary.why_unrated(overview, causes)
    return Page(
        title=TITLE,
        finding=summary.finding(overview, unrated),
        definition=summary.definition(late_ratio),
        source=source,
        made_at=words.moment(now),
        made_at_utc=now.astimezone(timezone.utc).isoformat(timespec="seconds"),
        freshness=summary.freshness(overview, now),
        snapshots=summary.snapshots(tables),
        key_figures=summary.key_figures(overview),
        sections=(
            *_sections(con, now, overview, causes, unrated),
            *((upkeep.section(patients, now),) if patients else ()),
        ),
        attribution=attribution,
    )


def _sections(
    con: duckdb.DuckDBPyConnection,
    now: datetime,
    overview: Overview,
    causes: Sequence[Count],
    unrated: str,
) -> tuple[Section, ...]:
    slots = queries.slots(con, weather.unit(overview))
    return (
        punctuality.by_line(queries.lines(con), queries.cells(con), unrated),
        punctuality.by_stop(queries.stops(con), unrated),
        weather.section(overview, queries.severities(con), slots, unrated),
        quality.section(overview, queries.accounts(con), queries.rejected(con), causes),
        quality.runs(queries.totals(con), queries.runs(con), now),
    )
