"""What is told of a failed run, of an alarm, and of anything else."""

from __future__ import annotations

import json

import pytest

from notify.messages import text

RUN = {
    "lakehouse": "lakehouse-dev",
    "job": "silver.emt silver.meteorology",
    "run": "00abc",
    "why": "DataQualityError: 3 <rows> & more",
    "log": "s3://results/emr-logs/00abc/SPARK_DRIVER/stderr.gz",
    "execution": "arn:aws:states:eu-south-2:111122223333:execution:lakehouse-dev-pipeline:x",
}


def test_a_failed_run_says_which_job_why_and_where_the_log_is() -> None:
    """The state machine's message, whole; what Slack would take for a link is escaped."""
    assert text("lakehouse-dev: silver run failed", json.dumps(RUN)).splitlines() == [
        "*lakehouse-dev: silver.emt silver.meteorology failed*",
        "Why: DataQualityError: 3 &lt;rows&gt; &amp; more",
        f"Log: {RUN['log']}",
        "Run: 00abc",
        f"Execution: {RUN['execution']}",
    ]


def test_a_run_of_another_starter_has_no_execution() -> None:
    """The rule's message says only what the event knows."""
    told = {name: fact for name, fact in RUN.items() if name != "execution"}
    assert "Execution" not in text(None, json.dumps(told))


def test_an_alarm_says_what_it_watches_and_why() -> None:
    """CloudWatch's message: name, state, our own description, and its reason."""
    told = {
        "AlarmName": "lakehouse-dev-queue-raw-dlq",
        "AlarmDescription": "Messages that failed for good wait.",
        "NewStateValue": "ALARM",
        "NewStateReason": "Threshold Crossed: 1 datapoint [2.0] was greater than 0.0.",
        "OldStateValue": "OK",
    }
    assert text("ALARM", json.dumps(told)).splitlines() == [
        "*lakehouse-dev-queue-raw-dlq: ALARM*",
        "Messages that failed for good wait.",
        "Why: Threshold Crossed: 1 datapoint [2.0] was greater than 0.0.",
    ]
    assert text(None, json.dumps({**told, "AlarmDescription": None})).count("\n") == 1


@pytest.mark.parametrize("message", ["AWS Budget: 80 %", "[1, 2]", '"text"', "{", "[" * 100_000])
def test_anything_else_is_told_as_it_is(message: str) -> None:
    """A budget's message is plain text; no message is dropped for its shape."""
    assert text("AWS Budgets", message).startswith(f"*AWS Budgets*\n{message[:2_500]}")


def test_a_long_reason_is_cut() -> None:
    """Slack takes no more than 40,000 characters; the log holds the rest."""
    said = text(None, json.dumps({**RUN, "why": "&" * 100_000}))
    assert len(said) < 15_000
    assert "… (cut)" in said
    assert RUN["log"] in said


def test_a_reason_may_be_an_object() -> None:
    """What is no text is shown as JSON."""
    assert 'Why: {"Error": "x"}' in text(None, json.dumps({**RUN, "why": {"Error": "x"}}))
