"""The report as a page: sound HTML, self-contained, honest about what is and is not known."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lakehouse.errors import ConfigurationError, StorageError
from tests.report_lake import NOW, empty, filled, report
from tests.report_page import Reader, page

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 2_000_000
HOSTILE = "<script>alert('x')</script>\"&"


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report on the filled lake."""
    return page(filled(), tmp_path_factory.mktemp("report"))


def test_html_is_sound(text: str) -> None:
    """Every tag is closed in order, ids are unique, links lead somewhere, headings step down."""
    read = Reader(text)
    ids = [a["id"] for _, a in read.tags if "id" in a]
    levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h\d", tag)]
    links = [a["href"] for tag, a in read.tags if tag == "a"]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link} <= set(ids)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    assert ("html", {"lang": "en"}) in read.tags


def test_nothing_is_loaded(text: str) -> None:
    """No script, and no address outside the file in any attribute or style."""
    read = Reader(text)
    loading = [
        a[k] or "" for _, a in read.tags for k in ("src", "href", "srcset", "data") if k in a
    ]
    urls = re.findall(r"url\(([^)]*)\)", text)
    assert all(address.startswith(("#", "data:")) for address in loading + urls)
    assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in read.tags}
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_each_chart_is_named_and_has_its_table(text: str) -> None:
    """Each SVG is an image with a label, and its figure holds a details element with a table."""
    figures = re.findall(r"<figure.*?</figure>", text, re.DOTALL)
    assert len(figures) == 8
    for figure in figures:
        assert re.search(r'<svg role="img" aria-label="[^"]+"', figure)
        assert figure.index("<svg") < figure.index("<details>") < figure.index("<table>")
    assert text.count("<svg") == len(figures)


def test_tables_are_whole_and_reachable(text: str) -> None:
    """Each table scrolls by keyboard, has a caption, and rows as wide as its head."""
    for region in re.findall(r'<div class="scroll.*?</div>', text, re.DOTALL):
        assert 'tabindex="0" role="region" aria-label="' in region
        head, body = region.split("</thead>")
        width = len(re.findall(r"<th\b", head))
        rows = re.findall(r"<tr>.*?</tr>", body, re.DOTALL)
        assert rows
        assert all(len(re.findall(r"<t[hd]\b", row)) == width for row in rows)
        assert "<caption>" in head


def test_headings_state_what_was_found(text: str) -> None:
    """The headings' figures are those that the rows give when counted another way."""
    con = filled()
    rows = con.execute("select label, delayed from emt_gold.arrivals_weather").fetchall()
    rates = {}
    for label in {label for label, _ in rows}:
        rated = [late for name, late in rows if name == label and late is not None]
        rates[label] = (sum(rated) / len(rated) if rated else 0, len(rated))
    worst = max(rates, key=lambda name: rates[name][0])
    rate, number = rates[worst]
    found = f"Line {worst} is late most often: {100 * rate:.0f} % of {number} rated predictions"
    headings = Reader(text).under("h2")
    assert found in headings
    assert (
        "Every row of 4 tables is accounted for: 11,061 in = "
        "10,560 accepted + 330 collapsed + 171 rejected" in headings
    )
    assert "1 of 12 table runs failed" in headings


def test_unrated_predictions_add_up(text: str) -> None:
    """Every unrated prediction stands under exactly one cause."""
    con = filled()
    sql = "select count(*) - count(delayed) from emt_gold.arrivals_weather"
    _, _, rest = text.partition("Unrated predictions by cause</span></caption>")
    body, _, _ = rest.partition("</table>")
    numbers = [int(n.replace(",", "")) for n in re.findall(r"<td>([\d,]+)</td>", body)]
    assert con.execute(sql).fetchone() == (sum(numbers),)
    assert len(numbers) == 4


def test_data_cannot_become_markup(tmp_path: Path) -> None:
    """Names, reasons and labels from the sources are text, wherever they are shown."""
    con = filled()
    con.execute("update emt_silver.stops set stop_name = ?", [HOSTILE])
    con.execute("update emt_silver.lines set name_a = ?", [HOSTILE])
    for table, column in (
        ("emt_gold.arrivals_weather", "label"),
        ("emt_gold.delay_weather_hourly", "label"),
        ("ops.rejected_row", "reason"),
        ("ops.run", "reason"),
    ):
        con.execute(f"update {table} set {column} = ?", [HOSTILE])
    text = page(con, tmp_path)
    Reader(text)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 60


def test_secrets_in_reasons_are_hidden(tmp_path: Path) -> None:
    """A report is passed on: a key in a reason is not."""
    con = filled()
    con.execute("update ops.run set reason = 'GET /v1?key=abc123def failed', status = 'failed'")
    con.execute("update ops.rejected_row set reason = 'from /v1?key=abc123def'")
    assert "abc123def" not in page(con, tmp_path)


def test_an_empty_lake_is_said_not_drawn(tmp_path: Path) -> None:
    """Without rows there is no chart, and each section says what is missing."""
    text = page(empty(), tmp_path)
    read = Reader(text)
    assert "<svg" not in text
    assert "No predictions yet: land arrivals (emt/arrivals) and run the lake." in read.under("p")
    assert "Nothing has run yet" in read.under("h2")
    assert "none yet" in read.under("dd")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("delete from emt_silver.lines_timetable", "no timetable is loaded."),
        ("select 1", "no timetable is in force at these times."),
        ("update emt_gold.arrivals_weather set line = 'x'", "no timetable of these lines"),
        (
            "update emt_gold.arrivals_weather set estimate_arrive_sec = null",
            "the source gives no estimate.",
        ),
    ],
)
def test_why_nothing_is_rated(change: str, said: str, tmp_path: Path) -> None:
    """With predictions but no rating, the cause of most of them stands where charts would."""
    con = filled()
    con.execute("delete from emt_gold.arrivals_weather where arrival_rank > 1")
    con.execute("update emt_gold.arrivals_weather set delayed = null")
    con.execute("update emt_gold.delay_weather_hourly set rated_preds = 0, delayed_preds = 0")
    con.execute(
        "update emt_gold.arrivals_weather set line = '001', label = '1', estimate_arrive_sec = 60"
    )
    con.execute(change)
    text = page(con, tmp_path)
    assert f"No rated predictions: {said}" in text
    assert 'class="heat"' not in text
    assert 'class="map"' in text


def test_unaccounted_rows_are_the_headline(tmp_path: Path) -> None:
    """A table whose rows do not add up is named in the heading."""
    con = filled()
    con.execute("update ops.run set accepted = accepted - 1 where table_name = 'emt_silver.stops'")
    headings = Reader(page(con, tmp_path)).under("h2")
    assert "Rows are unaccounted for in emt_silver.stops" in headings


def test_gold_tables_that_disagree_are_told(tmp_path: Path) -> None:
    """The two gold tables must count the same predictions, or the report says so."""
    con = filled()
    con.execute("delete from emt_gold.delay_weather_hourly where label = '1'")
    assert "The gold tables disagree: " in page(con, tmp_path)


def test_freshness_is_measured_from_the_newest_rows(text: str) -> None:
    """The ages are those of the newest prediction and observation when the report was made."""
    con = filled()
    sql = "select epoch(max(event_ts)) from emt_gold.arrivals_weather"
    found = con.execute(sql).fetchone()
    assert found is not None
    minutes = int(NOW.timestamp() - found[0]) // 60
    ages = Reader(text).under("dd")
    assert f"{minutes} min old" in ages
    assert "15 min old" in ages


def test_a_whole_city_stays_small(tmp_path: Path) -> None:
    """4,900 rated stops and 237 lines in all 24 hours make a file under 2 MB."""
    con = filled()
    con.execute("""
        insert into emt_silver.stops
        select 'S' || i, 'Calle del Doctor Esquerdo, ' || i, -3.8 + u(i, 1) / 5,
            40.3 + u(i, 2) / 5, 'A', [], null
        from range(4900) as r(i);
        insert into emt_gold.arrivals_weather by name
        select 'S' || i as stop_id, 1 as arrival_rank, j < i % 6 as delayed,
            timestamptz '2025-08-27 10:00:00+00' as event_ts
        from range(4900) as r(i), range(11) as s(j);
        insert into emt_gold.delay_weather_hourly by name
        select timestamptz '2025-08-27 00:00:00+00' + to_hours(h::integer) as event_hour,
            (200 + l)::varchar as label, 4000 as rated_preds, 17 * h as delayed_preds,
            5000 as total_preds
        from range(237) as r(l), range(24) as s(h);
    """)
    assert report(con, tmp_path).stat().st_size < LIMIT


def test_the_same_lake_gives_the_same_file(text: str, tmp_path: Path) -> None:
    """Made twice from the same rows at the same time, the report is equal to the byte."""
    assert page(filled(), tmp_path) == text


def test_a_failed_write_leaves_the_old_report(tmp_path: Path) -> None:
    """The file is replaced whole: where that fails, the error says where and nothing is lost."""
    (tmp_path / "report.html").mkdir()
    with pytest.raises(StorageError, match=r"report\.html") as caught:
        report(empty(), tmp_path)
    assert caught.value.next_command
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_missing_table_names_the_next_command(tmp_path: Path) -> None:
    """A lake without its tables is a matter of set-up, not a stack trace."""
    con = empty()
    con.execute("drop table ops.rejected_row")
    with pytest.raises(ConfigurationError, match="rejected_row") as caught:
        report(con, tmp_path)
    assert caught.value.next_command == "lake tables apply"


def test_importing_the_report_is_light() -> None:
    """The command line may import the package: template and database engines wait for the call."""
    code = "import sys, console.report; print(*({'jinja2', 'duckdb'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
