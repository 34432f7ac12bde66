"""Schedules fired by the clock.

AWS: "Schedule types in EventBridge Scheduler", "Adding context attributes in EventBridge
Scheduler", "Configuring a dead-letter queue for EventBridge Scheduler", "Creating a rule that runs
on a schedule in Amazon EventBridge".
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from console.emulator.faults import Fault
from tests.emulated.events_server import ACCOUNT, REGION, ROLE, Aws, wait_for

_NUMBERS = count(1)


@pytest.fixture(autouse=True)
def _no_other_schedules(aws: Aws) -> None:
    """What other tests have left does not fire."""
    scheduler, rules = aws.client("scheduler"), aws.client("events")
    for left in scheduler.list_schedules()["Schedules"]:
        scheduler.delete_schedule(Name=left["Name"], GroupName=left["GroupName"])
    for rule in rules.list_rules()["Rules"]:
        if "ScheduleExpression" in rule:
            targets = rules.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            if targets:
                rules.remove_targets(Rule=rule["Name"], Ids=[one["Id"] for one in targets])
            rules.delete_rule(Name=rule["Name"])
    aws.server.requests.clear()


def schedule(aws: Aws, expression: str, target: dict[str, Any], **more: Any) -> str:
    """A new schedule; its ARN."""
    made = aws.client("scheduler").create_schedule(
        Name=f"schedule-{next(_NUMBERS)}", ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"}, Target={"RoleArn": ROLE, **target}, **more,
    )  # fmt: skip
    return str(made["ScheduleArn"])


def tick(aws: Aws, until: datetime | str) -> dict[str, Any]:
    """Set the clock ahead over HTTP, as `lake tick` does."""
    text = until if isinstance(until, str) else until.isoformat()
    request = Request(f"{aws.server.url}/_lake/tick", json.dumps({"until": text}).encode())
    with urlopen(request) as reply:
        return dict(json.loads(reply.read()))


def tomorrow(aws: Aws, time: str = "00:00") -> datetime:
    """A time of the next emulated day, UTC."""
    day = aws.server.clock.now() + timedelta(days=1)
    hour, minute = map(int, time.split(":"))
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0)


def test_a_tick_fires_what_is_due_in_order_and_once(aws: Aws) -> None:
    """Two schedules of a day, by time; what was fired does not fire again; the clock is ahead."""
    got: list[Any] = []
    function = aws.function("ingest", lambda event: got.append((event, aws.server.clock.now())))
    early = {"Arn": function, "Input": '{"stream": "early"}'}
    schedule(aws, "cron(0 11 * * ? *)", {"Arn": function, "Input": '{"stream": "late"}'})
    schedule(aws, "cron(0 10 * * ? *)", early, ScheduleExpressionTimezone="Etc/GMT+1")
    schedule(aws, "cron(30 10 * * ? *)", early)
    begin = tomorrow(aws)
    tick(aws, begin)
    got.clear()
    told = tick(aws, begin + timedelta(hours=12))
    assert [one["at"][11:16] for one in told["fired"]] == ["10:30", "11:00", "11:00"]
    wait_for(lambda: len(got) == 3)
    assert [f"{at:%H:%M}" for _, at in got] == ["10:30", "11:00", "11:00"]
    assert {event["stream"] for event, _ in got} == {"early", "late"}
    assert tick(aws, begin + timedelta(hours=12))["fired"] == []
    assert aws.server.clock.now() >= begin + timedelta(hours=12)


def test_context_attributes_are_filled_into_the_input(aws: Aws) -> None:
    """The scheduled time, not the present; one execution id a firing; the schedule's own ARN."""
    machine = aws.machine("daily")
    text = {
        "at": "<aws.scheduler.scheduled-time>", "id": "<aws.scheduler.execution-id>",
        "same": "<aws.scheduler.execution-id>", "arn": "<aws.scheduler.schedule-arn>",
    }  # fmt: skip
    arn = schedule(aws, "cron(0 10 * * ? *)", {"Arn": machine, "Input": json.dumps(text)})
    begin = tomorrow(aws)
    tick(aws, begin)
    before = len(aws.inputs(machine, 0))
    tick(aws, begin + timedelta(days=2))
    found = sorted(aws.inputs(machine, before + 2), key=lambda one: one["at"])[-2:]
    assert [one["at"] for one in found] == [
        f"{begin + timedelta(days=n):%Y-%m-%dT10:00:00Z}" for n in (0, 1)
    ]
    assert {one["arn"] for one in found} == {arn}
    assert all(one["id"] == one["same"] for one in found)
    assert found[0]["id"] != found[1]["id"]
    starts = aws.server.requests.find(operation="StartExecution")
    assert {request.principal for request in starts} == {ROLE}


def test_without_an_input_the_target_gets_a_scheduled_event(aws: Aws) -> None:
    """Scheduler says so in its default event, a rule in the one of the bus."""
    url, queue = aws.queue("events")
    arn = schedule(aws, "rate(1 days)", {"Arn": queue})
    rules = aws.client("events")
    rules.put_rule(Name="daily", ScheduleExpression="rate(1 day)")
    rules.put_targets(Rule="daily", Targets=[{"Id": "1", "Arn": queue}])
    tick(aws, aws.server.clock.now() + timedelta(hours=25))
    events = [json.loads(m["Body"]) for m in aws.messages(url, 3)]
    assert {event["detail-type"] for event in events} == {"Scheduled Event"}
    by_source = sorted((event["source"], event["resources"][0]) for event in events)
    rule_arn = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/daily"
    assert by_source == [("aws.events", rule_arn), ("aws.scheduler", arn), ("aws.scheduler", arn)]


def test_a_rate_is_due_at_once_and_a_rules_rate_a_step_later(aws: Aws) -> None:
    """Counted from the creation, and from the start date where there is one."""
    _, queue = aws.queue("rates")
    start = aws.server.clock.now() + timedelta(minutes=10)
    plain = schedule(aws, "rate(20 minutes)", {"Arn": queue})
    begun = schedule(aws, "rate(20 minutes)", {"Arn": queue}, StartDate=start)
    ended = schedule(aws, "rate(20 minutes)", {"Arn": queue}, EndDate=start)
    aws.client("events").put_rule(Name="rate", ScheduleExpression="rate(20 minutes)")
    aws.client("events").put_targets(Rule="rate", Targets=[{"Id": "1", "Arn": queue}])
    fired = tick(aws, aws.server.clock.now() + timedelta(minutes=35))["fired"]
    counts = {arn: sum(one["schedule"] == arn for one in fired) for arn in (plain, begun, ended)}
    assert counts == {plain: 2, begun: 2, ended: 1}
    assert sum(one["schedule"].endswith("rule/rate") for one in fired) == 1


def test_what_is_off_is_not_fired_later(aws: Aws) -> None:
    """A disabled schedule does not catch up when it is enabled again."""
    _, queue = aws.queue("off")
    arn = schedule(aws, "cron(0 10 * * ? *)", {"Arn": queue}, State="DISABLED")
    tick(aws, tomorrow(aws, "12:00"))
    client, name = aws.client("scheduler"), arn.rsplit("/", 1)[-1]
    known = client.get_schedule(Name=name)
    keys = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    client.update_schedule(**{key: known[key] for key in keys}, State="ENABLED")
    fired = tick(aws, tomorrow(aws, "12:00"))["fired"]
    assert [one["schedule"] for one in fired] == [arn]


def test_a_single_time_fires_once_and_goes_if_it_should(aws: Aws) -> None:
    """ActionAfterCompletion=DELETE removes the schedule, NONE keeps it."""
    url, queue = aws.queue("once")
    at = f"at({tomorrow(aws, '10:00'):%Y-%m-%dT%H:%M:%S})"
    schedule(aws, at, {"Arn": queue}, ActionAfterCompletion="DELETE")
    kept = schedule(aws, at, {"Arn": queue}, ActionAfterCompletion="NONE")
    assert len(tick(aws, tomorrow(aws, "12:00"))["fired"]) == 2
    assert tick(aws, tomorrow(aws, "12:00"))["fired"] == []
    assert len(aws.messages(url, 2)) == 2
    assert [s["Arn"] for s in aws.client("scheduler").list_schedules()["Schedules"]] == [kept]


def test_a_failing_target_is_tried_again_and_ends_as_a_dead_letter(aws: Aws) -> None:
    """The retry policy's retries, then the DLQ, which names schedule, time and reason."""
    url, dead = aws.queue("dead")
    target = {
        "Arn": aws.machine("broken"), "Input": '{"gold": true}',
        "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600},
        "DeadLetterConfig": {"Arn": dead},
    }  # fmt: skip
    at = tomorrow(aws, "10:00")
    arn = schedule(aws, f"at({at:%Y-%m-%dT%H:%M:%S})", target)
    aws.server.faults.add(Fault("states", "StartExecution", times=3))
    tick(aws, at + timedelta(hours=5))
    [letter] = aws.messages(url, 1)
    facts = {k: v["StringValue"] for k, v in letter["MessageAttributes"].items()}
    assert json.loads(letter["Body"]) == {"gold": True}
    assert facts["SCHEDULED_TIME"] == f"{at:%Y-%m-%dT10:00:00Z}"
    assert (facts["SCHEDULE_ARN"], facts["TARGET_ARN"]) == (arn, target["Arn"])
    assert facts["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert facts["RETRY_ATTEMPTS"] == "2"
    assert len(aws.server.requests.find(operation="StartExecution")) == 3


@pytest.mark.parametrize(
    "asked",
    [
        {"ScheduleExpression": "cron(0 10 * * * *)"},
        {"ScheduleExpressionTimezone": "Madrid"},
        {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:emrserverless:startJobRun"}},
        {"Target": {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q",
                    "Input": "<aws.scheduler.attempt-number>"}},
        {"Target": {"Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/b",
                    "EventBridgeParameters": {"DetailType": "d", "Source": "s"}}},
    ],
)  # fmt: skip
def test_a_schedule_that_cannot_be_served_is_refused(aws: Aws, asked: dict[str, Any]) -> None:
    """Wrong expressions, unknown zones, universal targets and attributes fail at once."""
    target = {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", **asked.pop("Target", {})}
    expression = asked.pop("ScheduleExpression", "rate(1 days)")
    with pytest.raises(ClientError, match=r"ValidationException|NotImplemented"):
        schedule(aws, expression, target, **asked)


def test_rules_are_stricter_about_expressions(aws: Aws) -> None:
    """A rule has no single times, and one minute is not 1 minutes."""
    for expression in ("at(2030-01-01T00:00:00)", "rate(1 minutes)", "rate(5 minute)"):
        with pytest.raises(ClientError, match="ValidationException"):
            aws.client("events").put_rule(Name="wrong", ScheduleExpression=expression)


def test_a_tick_to_nowhere_is_refused(aws: Aws) -> None:
    """No time, a time without a zone, and one that fires for hours are mistakes."""
    _, queue = aws.queue("far")
    schedule(aws, "rate(1 minutes)", {"Arn": queue})
    for until in ("soon", "2027-01-01T00:00:00", "2099-01-01T00:00:00Z"):
        with pytest.raises(HTTPError) as refused:
            tick(aws, until)
        refused.value.close()
        assert refused.value.code == 400


def test_what_comes_next_is_told(aws: Aws) -> None:
    """The next time of each schedule that is on."""
    _, queue = aws.queue("next")
    daily = schedule(aws, "cron(0 10 * * ? *)", {"Arn": queue})
    schedule(aws, "cron(0 9 * * ? *)", {"Arn": queue}, State="DISABLED")
    tick(aws, tomorrow(aws, "11:00"))
    with urlopen(f"{aws.server.url}/_lake/tick") as reply:
        told = json.loads(reply.read())
    expected = f"{tomorrow(aws):%Y-%m-%dT10:00:00Z}"
    assert told["upcoming"] == [{"at": expected, "schedule": daily}]
