"""The function that tells Slack what the alert topic says, called with SNS's own events.

AWS: "Invoking Lambda functions with Amazon SNS notifications"; Slack: "Sending messages using
incoming webhooks".
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from lakehouse.errors import ConfigurationError, CredentialsError, LakeError, UpstreamError
from notify import functions
from tests.emulated.handlers import deploy, said
from tests.unit.ingestion_server import CountingClock, Provider, Say, everything_said, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakehouse.settings import Settings
    from tests.emulated.conftest import Client

PATH = "/services/T0000/B0000/CANARYCANARYCANARY"
OK = Say(b"ok", headers={"Content-Type": "text/html"})
RUN = {
    "lakehouse": "lake-dev",
    "job": "gold.emt",
    "why": "late",
    "log": "s3://r/x",
    "run": "0",
}


@pytest.fixture
def slack() -> Iterator[Provider]:
    """A webhook that answers as Slack does."""
    with serving() as found:
        found.always(OK, on=PATH)
        yield found


@pytest.fixture
def secret(
    client: Client, lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """`secret(text)` deploys the function with a secret that holds this."""

    def keep(text: str) -> None:
        name = f"slack-{uuid4().hex[:8]}"
        made = client("secretsmanager").create_secret(Name=name, SecretString=text)
        deploy(lake, monkeypatch, LAKE_SLACK_SECRET_ID=made["ARN"])

    return keep


@pytest.fixture
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting takes no time."""
    monkeypatch.setattr(functions, "SystemClock", CountingClock)


def event(message: str, subject: str | None = "a subject") -> dict[str, Any]:
    """SNS's event for a function: one record.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
    """
    topic = "arn:aws:sns:eu-south-2:111122223333:lakehouse-dev-alerts"
    return {
        "Records": [
            {
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{topic}:21be56ed-a058-49f5-8c98-aedd2564c486",
                "EventSource": "aws:sns",
                "Sns": {
                    "SignatureVersion": "1",
                    "Timestamp": "2025-08-29T12:45:07.000Z",
                    "Signature": "tcc6faL2yUC6dgZdmrwh1Y4cGa",
                    "SigningCertUrl": "https://sns.eu-south-2.amazonaws.com/x.pem",
                    "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
                    "Message": message,
                    "MessageAttributes": {},
                    "Type": "Notification",
                    "UnsubscribeUrl": "https://sns.eu-south-2.amazonaws.com/x",
                    "TopicArn": topic,
                    "Subject": subject,
                },
            }
        ]
    }


def test_a_failed_run_is_posted(slack: Provider, secret: Callable[[str], None]) -> None:
    """One post, with which job, why and where the log is."""
    secret(f"{slack.url}{PATH}\n")
    assert functions.notify(event(json.dumps(RUN)), None) == {"posted": 1}
    (asked,) = slack.asked
    assert (asked.method, asked.path) == ("POST", PATH)
    assert asked.body == {"text": "*lake-dev: gold.emt failed*\nWhy: late\nLog: s3://r/x\nRun: 0"}


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("answer", [Say(status=500), Say(status=429), Say(drop=True)])
def test_trouble_of_slack_is_waited_for(
    slack: Provider, secret: Callable[[str], None], answer: Say
) -> None:
    """Tried again until it is taken."""
    slack.say(answer, answer, on=PATH)
    secret(slack.url + PATH)
    functions.notify(event("x"), None)
    assert len(slack.asked) == 3


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize(
    ("answer", "error", "tries"),
    [
        (Say(status=503), UpstreamError, 4),
        (Say(drop=True), UpstreamError, 4),
        (Say(b"no_service", 404), ConfigurationError, 1),
        (Say(b"invalid_payload", 400), ConfigurationError, 1),
        (Say(status=302, headers={"Location": "http://x"}), UpstreamError, 1),
        (Say(status=501), UpstreamError, 1),
    ],
)
def test_what_is_not_told_is_raised(
    slack: Provider,
    secret: Callable[[str], None],
    answer: Say,
    error: type[LakeError],
    tries: int,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lambda's retry and the dead letter queue get it; the webhook's address gets nowhere."""
    slack.always(answer, on=PATH)
    secret(slack.url + PATH)
    with caplog.at_level(logging.DEBUG), pytest.raises(error) as caught:
        functions.notify(event(json.dumps(RUN)), None)
    assert len(slack.asked) == tries
    log = capsys.readouterr().err
    (line,) = [one for one in said(log) if one["event"] == "notify_failed"]
    assert line["error"] == error.__name__
    wire = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("urllib3"))
    assert "POST ***" in wire or "Starting new" in wire
    assert "CANARY" not in log + wire + everything_said(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "not an address", "https://hooks.slack.com", "https:///services/CANARY",
     "http://hooks.slack.com/services/CANARY", '{"url": "https://CANARY/x"}',
     "https://user:CANARY@h/x", "https://h/x?token=CANARY", "https://169.254.169.254/CANARY"],
)  # fmt: skip
def test_another_secret_is_refused_in_silence(
    secret: Callable[[str], None], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no https address of a webhook is not called, and not shown."""
    secret(text or " ")
    with pytest.raises(ConfigurationError) as caught:
        functions.notify(event("x"), None)
    assert "CANARY" not in capsys.readouterr().err + everything_said(caught.value)


def test_without_its_secret_it_says_so(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is not set, and a secret that is not there."""
    deploy(lake, monkeypatch)
    monkeypatch.delenv("LAKE_SLACK_SECRET_ID", raising=False)
    with pytest.raises(ConfigurationError, match="LAKE_SLACK_SECRET_ID is not set"):
        functions.notify(event("x"), None)
    monkeypatch.setenv("LAKE_SLACK_SECRET_ID", "slack-nowhere")
    with pytest.raises(CredentialsError, match="ResourceNotFound"):
        functions.notify(event("x"), None)
