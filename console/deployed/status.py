"""What a deployed lake is doing: its code, its last runs, how fresh its tables are, what waits."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from console.deployed import runs
from lakehouse.snapshots import RECEIPT

if TYPE_CHECKING:
    from console.deployed.lake import Deployed

_LAST = 5


def status(lake: Deployed) -> dict[str, Any]:
    """All of it."""
    return {
        "lake": about(lake),
        "executions": [_told(one, "arn") for one in runs.executions(lake, _LAST)],
        "job_runs": [_told(one) for one in runs.job_runs(lake, _LAST)],
        "tables": tables(lake),
        "queues": queues(lake),
    }


def _told(one: Any, *without: str) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name not in without}


def about(lake: Deployed) -> dict[str, Any]:
    """What is deployed, where and since when."""
    keys = [str(key) for key in lake.outputs["code_keys"]]
    jobs = next((key.split("/")[1] for key in keys if key.endswith("/lake.zip")), "")
    return {
        "name": lake.name,
        "place": lake.place,
        "environment": lake.environment,
        "region": lake.outputs["region"],
        "deployed_at": lake.at,
        "code": jobs[:12],
        "lake": lake.outputs["environment"]["LAKE_HOME"],
        "endpoint": lake.endpoint,
    }


def tables(lake: Deployed) -> list[dict[str, Any]]:
    """When each table was last written, by which run, and how many rows it has."""
    from console.reading import Lake  # noqa: PLC0415  heavy

    opened, now = Lake(lake.settings()), datetime.now(timezone.utc)
    found = []
    for name in opened.tables():
        head = opened.table(name).current_snapshot()
        if head is not None:
            written = datetime.fromtimestamp(head.timestamp_ms / 1000, timezone.utc)
            summary = head.summary.additional_properties if head.summary else {}
            line = {"table": name, "rows": _rows(summary), "written": written}
            line["minutes_ago"] = round((now - written).total_seconds() / 60, 1)
            found.append({**line, "run": summary.get(f"{RECEIPT}run", "")})
    return found


def _rows(summary: dict[str, str]) -> int:
    """Rows by the snapshot's own count: a merge on read deletes by position."""
    return int(summary.get("total-records", 0)) - int(summary.get("total-position-deletes", 0))


def queues(lake: Deployed) -> list[dict[str, Any]]:
    """What waits in each queue; in one that ends in dlq, what nobody could take."""
    client = lake.client("sqs")
    waiting, under_way = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
    found: list[dict[str, Any]] = []
    for name, url in sorted(lake.outputs["queue_urls"].items()):
        told = client.get_queue_attributes(QueueUrl=url, AttributeNames=[waiting, under_way])
        counts = told["Attributes"]
        found.append(
            {
                "queue": name,
                "waiting": int(counts[waiting]),
                "under_way": int(counts[under_way]),
            }
        )
    return found
