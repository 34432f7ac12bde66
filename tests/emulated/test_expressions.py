"""AWS: "Schedule types in EventBridge Scheduler" (expressions, time zones, daylight savings)."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from console.emulator import expressions


def moment(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def times(expression: str, after: str, until: str, zone: str = "UTC") -> list[str]:
    """When it is due, in UTC."""
    schedule = expressions.parse(expression, zone, moment(after))
    found = schedule.times(moment(after), moment(until))
    return [f"{one:%Y-%m-%dT%H:%M}" for one in found]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 10 * * ? *)", ["2026-03-01T10:00", "2026-03-02T10:00", "2026-03-03T10:00"]),
        ("cron(30/15 10 1 * ? *)", ["2026-03-01T10:30", "2026-03-01T10:45"]),
        ("cron(0 8-10/2 2 MAR ? 2026)", ["2026-03-02T08:00", "2026-03-02T10:00"]),
        ("cron(0 10 ? * MON-TUE *)", ["2026-03-02T10:00", "2026-03-03T10:00"]),
        ("cron(0 10 ? * 1 *)", ["2026-03-01T10:00"]),
        ("cron(0,5 0 ? 3 2#1 *)", ["2026-03-02T00:00", "2026-03-02T00:05"]),
        ("cron(0 10 1W * ? *)", ["2026-03-02T10:00"]),
        ("cron(0 10 * * ? 2027)", []),
    ],
)
def test_cron_is_due_on_its_fields(expression: str, expected: list[str]) -> None:
    """Lists, ranges, steps, names, nth weekdays and nearest working days, as documented."""
    assert times(expression, "2026-03-01", "2026-03-03T23:59") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 10 L * ? *)", ["2026-02-28T10:00", "2026-03-31T10:00"]),
        ("cron(0 10 ? * 6L *)", ["2026-02-27T10:00", "2026-03-27T10:00"]),
        ("cron(0 10 15W * ? *)", ["2026-02-16T10:00", "2026-03-16T10:00"]),
        ("cron(0 10 28W * ? *)", ["2026-02-27T10:00", "2026-03-27T10:00"]),
        ("cron(0 10 31W * ? *)", ["2026-02-27T10:00", "2026-03-31T10:00"]),
        ("cron(0 10 ? * SAT#5 *)", []),
    ],
)
def test_cron_knows_the_last_and_the_nearest(expression: str, expected: list[str]) -> None:
    """The last day, the last Friday, the working day nearest to the 15th."""
    assert times(expression, "2026-02-01", "2026-04-01") == expected


def test_times_are_after_the_beginning_and_up_to_the_end() -> None:
    """A tick from one firing to the next fires each once."""
    assert times("cron(0 10 * * ? *)", "2026-03-01T10:00", "2026-03-02T10:00") == [
        "2026-03-02T10:00"
    ]


def test_cron_follows_its_zone_through_the_year() -> None:
    """Ten in Madrid is nine in UTC in winter and eight in summer."""
    found = times("cron(0 10 28,29 3 ? *)", "2026-03-01", "2026-04-01", "Europe/Madrid")
    assert found == ["2026-03-28T09:00", "2026-03-29T08:00"]


def test_a_skipped_local_time_is_skipped_and_a_doubled_one_fires_once() -> None:
    """Half past two does not exist on 29 March 2026 in Madrid, and comes twice on 25 October."""
    rule = "cron(30 2 * * ? *)"
    spring = times(rule, "2026-03-28T12:00", "2026-03-30T12:00", "Europe/Madrid")
    autumn = times(rule, "2026-10-24T12:00", "2026-10-26T12:00", "Europe/Madrid")
    assert spring == ["2026-03-30T00:30"]
    assert autumn == ["2026-10-25T00:30", "2026-10-26T01:30"]


def test_rates_count_from_their_start_and_at_is_once() -> None:
    """A rate's first time is its start; at is local to its zone."""
    rate = expressions.parse("rate(30 minutes)", "UTC", moment("2026-03-01T10:00"))
    found = list(rate.times(moment("2026-03-01T09:00"), moment("2026-03-01T11:00")))
    assert [f"{one:%H:%M}" for one in found] == ["10:00", "10:30", "11:00"]
    assert list(rate.times(moment("2026-03-01T10:10"), moment("2026-03-01T10:20"))) == []
    once = times("at(2026-07-01T10:00:00)", "2026-03-01", "2026-12-01", "Europe/Madrid")
    assert once == ["2026-07-01T08:00"]


@pytest.mark.parametrize(
    ("expression", "zone"),
    [
        ("cron(0 10 * * * *)", "UTC"),
        ("cron(0 10 ? * ? *)", "UTC"),
        ("cron(0 10 1 * MON *)", "UTC"),
        ("cron(0 10 * * ?)", "UTC"),
        ("cron(60 10 * * ? *)", "UTC"),
        ("cron(0 10 * * ? 1969)", "UTC"),
        ("cron(0 10 ? * MOO *)", "UTC"),
        ("cron(0 10 32 * ? *)", "UTC"),
        ("cron(0 10 5-1 * ? *)", "UTC"),
        ("cron(0 */0 * * ? *)", "UTC"),
        ("rate(0 minutes)", "UTC"),
        ("rate(5 seconds)", "UTC"),
        ("at(2026-07-01 10:00:00)", "UTC"),
        ("every day", "UTC"),
        ("rate(1 day)", "Europe/Lisboa"),
        ("rate(1 day)", "../UTC"),
    ],
)
def test_what_is_no_expression_is_refused(expression: str, zone: str) -> None:
    """Neither a wrong field, nor both days, nor an unknown zone becomes a schedule."""
    with pytest.raises(expressions.ExpressionError):
        expressions.parse(expression, zone, moment("2026-03-01"))
