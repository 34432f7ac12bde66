"""Calls of the Lambda functions: their context, and events as AWS documents them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from lakehouse.settings import Settings

AT = "2025-08-29T12:00:00Z"


@dataclass
class Context:
    """A call with so many milliseconds left, at each question; the last answer stays."""

    left: list[int] = field(default_factory=lambda: [900_000])

    def get_remaining_time_in_millis(self) -> int:
        """The time that is left."""
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


def deploy(lake: Settings, monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    """Set the environment that Terraform gives the functions of this lake."""
    told = {
        "LAKE_PLACE": lake.place,
        "LAKE_HOME": lake.home,
        "LAKE_PREFIX": "lakehouse_dev",
        "LAKE_WEATHER_LOCATION": "madrid",
        "LAKE_ENDPOINT": lake.endpoint,
        "AWS_REGION": lake.region,
        "AWS_DEFAULT_REGION": lake.region,
        "AWS_ENDPOINT_URL": lake.endpoint,
        **more,
    }
    for name, text in told.items():
        monkeypatch.setenv(name, text)


def created(bucket: str, key: str, **more: Any) -> dict[str, Any]:
    """S3's event of a new object.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "111122223333",
        "time": AT,
        "region": "eu-south-2",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": 5,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
                "sequencer": "617f08299329d189",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "1.2.3.4",
            "reason": "PutObject",
        },
        **more,
    }


def batch(*bodies: Any) -> dict[str, Any]:
    """A batch of SQS messages, whose ids are their numbers.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    return {
        "Records": [
            {
                "messageId": str(number),
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1545082649183",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": "1545082649185",
                },
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-south-2:111122223333:lakehouse-dev-raw",
                "awsRegion": "eu-south-2",
            }
            for number, body in enumerate(bodies)
        ]
    }


def said(text: str) -> list[dict[str, Any]]:
    """The events that a function logged."""
    return [json.loads(line) for line in text.splitlines()]
