"""What a call is about: the parameters that name its resources, for the request log.

Contents never come in: only these names are kept, and only their plain values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

if TYPE_CHECKING:
    from console.emulator.calls import Call

_BODY = {
    "athena": ("WorkGroup", "QueryExecutionId"),
    "emr-serverless": ("executionRoleArn",),
    "events": ("Name", "Rule"),
    "firehose": ("DeliveryStreamName",),
    "glue": ("DatabaseName", "Name", "TableName"),
    "kinesis": ("StreamName", "StreamARN"),
    "logs": ("logGroupName", "logStreamName"),
    "secretsmanager": ("SecretId",),
    "sns": ("TopicArn",),
    "sqs": ("QueueUrl", "QueueName"),
    "states": ("stateMachineArn", "executionArn"),
}
# A name within a part of the body.
_WITHIN = {"glue": (("TableInput", "Name"),)}
_QUERY = ("prefix", "uploadId")
_HEADERS = {"x-amz-copy-source": "source"}
_LOOSE = ("query", "cbor")
_KEYS = re.compile(rb"<Key>(.*?)</Key>", re.DOTALL)


def named(call: Call) -> dict[str, str]:
    """Names by parameter; a call whose body cannot be read names what its path does."""
    told = {name: value for name, value in call.uri.items() if isinstance(value, str)}
    query = parse_qs(call.environ.get("QUERY_STRING", ""), keep_blank_values=True)
    told.update({name: query[name][0] for name in _QUERY if name in query})
    told.update({as_: unquote(call.header(h)) for h, as_ in _HEADERS.items() if call.header(h)})
    if call.operation == "DeleteObjects":
        told["Keys"] = "\n".join(unquote(k.decode()) for k in _KEYS.findall(call.body()))
    if call.service in _BODY:
        told.update(_from_body(call))
    return told


def _from_body(call: Call) -> dict[str, str]:
    body = _body(call)
    found = {name: body.get(name) for name in _BODY[call.service]}
    for part, name in _WITHIN.get(call.service, ()):
        if isinstance(body.get(part), dict):
            found[f"{part}.{name}"] = body[part].get(name)
    if body.get("tags"):
        found["tags"] = "yes"
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _body(call: Call) -> dict[str, Any]:
    if call.protocol == "query":
        form = parse_qs(call.body().decode("utf-8", "replace"))
        return {name: values[0] for name, values in form.items()}
    try:
        return call.params()
    except ValueError:
        return {}
