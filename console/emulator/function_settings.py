"""What moto forgets of a function (dead-letter queue, logging) or does not check (its code).

https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from console.emulator.answers import Answer, AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.calls import Call
    from console.emulator.server import Server

_FORGOTTEN = ("DeadLetterConfig", "LoggingConfig")
_OPERATIONS = (
    "CreateFunction",
    "UpdateFunctionConfiguration",
    "UpdateFunctionCode",
    "GetFunction",
    "GetFunctionConfiguration",
)


class Remembered:
    """What was set, by the function's ARN; added to every answer that describes the function."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._set: dict[str, dict[str, Any]] = {}
        for operation in _OPERATIONS:
            server.around("lambda", operation, self._around)

    def dead_letters(self, arn: str) -> str:
        """The ARN that gets events the function could not deal with, or nothing."""
        return str(self._set.get(arn, {}).get("DeadLetterConfig", {}).get("TargetArn", ""))

    def log_group(self, arn: str) -> str:
        """The log group it was given, or nothing for the usual one."""
        return str(self._set.get(arn, {}).get("LoggingConfig", {}).get("LogGroup", ""))

    def _code_must_exist(self, region: str, code: dict[str, Any]) -> None:
        """Refuse a zip that is not in its bucket; moto takes it for an empty one."""
        if "S3Bucket" not in code:
            return
        s3 = self._server.client("s3", region=region)
        try:
            s3.head_object(Bucket=code["S3Bucket"], Key=code["S3Key"])
        except ClientError as error:
            raise AwsError(
                "InvalidParameterValueException",
                "Error occurred while GetObject. S3 Error Code: NoSuchKey. "
                f"S3 Error Message: {code['S3Bucket']}/{code['S3Key']} does not exist.",
            ) from error

    def _around(self, call: Call, forward: Callable[[], Answer]) -> Answer:
        asked = call.params() if call.environ["REQUEST_METHOD"] != "GET" else {}
        self._code_must_exist(call.region, asked.get("Code", asked))
        answer = forward()
        if answer.status >= 300:  # noqa: PLR2004  refused: nothing to remember
            return answer
        told = answer.json()
        described = told.get("Configuration", told)
        arn = described["FunctionArn"].removesuffix(":$LATEST")
        known = self._set.setdefault(arn, {})
        if call.operation == "CreateFunction":
            known.clear()
        known.update({name: asked[name] for name in _FORGOTTEN if name in asked})
        group = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{described['FunctionName']}"}
        described["LoggingConfig"] = {**group, **known.get("LoggingConfig", {})}
        if known.get("DeadLetterConfig", {}).get("TargetArn"):
            described["DeadLetterConfig"] = known["DeadLetterConfig"]
        kept = tuple((k, v) for k, v in answer.headers if k.lower() != "content-length")
        return Answer(answer.status, kept, json.dumps(told).encode())
