"""The event bus: events to the targets of the rules they match, each on its own way.

AWS: "Event patterns in Amazon EventBridge", "How EventBridge retries delivering events". moto
delivers to queues and logs only, at once, from disabled rules too, and takes a rule without a
pattern (a schedule) for one that matches everything.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from console.emulator import patterns, rule_targets
from console.emulator.answers import AwsError, NotEmulatedError
from console.emulator.clock import iso
from console.emulator.s3events import SENT, S3Events
from console.emulator.targets import Courier, Post
from console.emulator.templates import TemplateError
from lakehouse import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.answers import Answer
    from console.emulator.calls import Call
    from console.emulator.server import Server


class Bus:
    """All event buses of the emulator."""

    def __init__(self, server: Server) -> None:
        self._clock = server.clock
        self._post = Post(Courier(server))
        server.at_stop(self._post.close)

    @property
    def open(self) -> int:
        """How many deliveries are on their way."""
        return self._post.open

    def publish(self, account: str, region: str, **facts: Any) -> None:
        """Put an event of an AWS service on the default bus.

        `facts` are `source`, `detail_type`, `detail` and, if there are any, `resources`.
        """
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": facts["detail_type"],
            "source": facts["source"],
            "account": account,
            "time": iso(self._clock.now()),
            "region": region,
            "resources": facts.get("resources", []),
            "detail": facts["detail"],
        }
        from moto.events.models import events_backends  # noqa: PLC0415

        buses = events_backends[account][region].event_buses
        for rule in list(buses["default"].rules.values()):
            self.route(rule, event)

    def route(self, rule: Any, event: dict[str, Any]) -> None:
        """Send the event to the rule's targets if it is on, has a pattern, and matches."""
        pattern = rule.event_pattern.get_pattern()
        if rule.state == "DISABLED" or not pattern or not patterns.matches(pattern, event):
            return
        received = iso(self._clock.now())
        for target in list(rule.targets):
            self._post_to(target, event, rule, received)

    def _post_to(self, target: dict[str, Any], event: Any, rule: Any, received: str) -> None:
        try:
            self._post.put(rule_targets.delivery(target, event, rule, received))
        except TemplateError as error:
            facts = {"rule": rule.name, "target": target["Arn"], "error": str(error)}
            log.warn("emulator.undelivered", **facts)


def _put_rule(call: Call, forward: Callable[[], Answer]) -> Answer:
    """Refuse a pattern that cannot be matched, or never would be here."""
    pattern = json.loads(call.params().get("EventPattern") or "null")
    if pattern is not None:
        try:
            patterns.check(pattern)
        except patterns.PatternError as error:
            message = f"Event pattern is not valid. Reason: {error}"
            raise AwsError("InvalidEventPatternException", message) from error
        if "aws.s3" in pattern.get("source", []) and pattern.get("detail-type") != SENT:
            raise NotEmulatedError(f"a rule for events of S3 other than {SENT}")
    return forward()


def _put_targets(call: Call, forward: Callable[[], Answer]) -> Answer:
    for target in call.params()["Targets"]:
        rule_targets.check(target)
    return forward()


def _plain(event: dict[str, Any]) -> dict[str, Any]:
    """The event of moto as AWS sends it: the time in ISO, nothing of its own added."""
    plain = {key: value for key, value in event.items() if key != "ingestion-time"}
    if isinstance(plain.get("time"), (int, float)):
        plain["time"] = iso(datetime.fromtimestamp(plain["time"], timezone.utc))
    return plain


def install(server: Server) -> None:
    """Let rules deliver their events, and buckets with EventBridge on tell of new objects."""
    from moto.events import models  # noqa: PLC0415

    bus, put_events = Bus(server), models.EventsBackend.put_events

    def send(rule: Any, original_event: dict[str, Any], **_: Any) -> None:
        bus.route(rule, _plain(original_event))

    def timed(backend: Any, events: list[dict[str, Any]]) -> Any:
        now = server.clock.now().timestamp()
        return put_events(backend, [{"Time": now, **event} for event in events])

    server.replace(models.Rule, "send_to_targets", send)
    server.replace(models.EventsBackend, "put_events", timed)
    server.around("events", "PutRule", _put_rule)
    server.around("events", "PutTargets", _put_targets)
    server.page("events", lambda _method, _query, _body: {"open": bus.open})
    S3Events(server, bus.publish)
