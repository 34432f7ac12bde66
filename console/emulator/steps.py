"""Step Functions: moto's engine, set to execute, with what a deployed definition needs besides.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html
Only JSONPath and the integrations that are tested here; the rest is refused when it is created.
Execution logs in CloudWatch are not emulated: the history is there.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from console.emulator import steps_checks
from console.emulator.answers import Answer, AwsError
from console.emulator.server import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.calls import Call
    from console.emulator.server import Server

_TASKS = "moto.stepfunctions.parser.asl.component.state.exec.state_task"
# The engine's modules that make a client; each is given one that acts as the state machine's role.
_CALLERS = (
    "service.state_task_service_sns",
    "service.state_task_service_sqs",
    "lambda_eval_utils",
)


def install(server: Server) -> None:
    """Let state machines run."""
    from moto.core.config import default_user_config  # noqa: PLC0415
    from moto.stepfunctions.parser import models  # noqa: PLC0415
    from moto.stepfunctions.parser.backend import execution  # noqa: PLC0415

    from console.emulator import steps_emr, steps_worker  # noqa: PLC0415  the engine is heavy

    before = default_user_config.get("stepfunctions")
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    server.at_stop(lambda: default_user_config.__setitem__("stepfunctions", before or {}))
    _tasks(server, steps_emr.task(server))
    server.replace(execution.Execution, "_get_start_execution_worker", steps_worker.worker)
    started = models.StepFunctionsParserBackend.start_execution
    server.replace(models.StepFunctionsParserBackend, "start_execution", _named(started))
    ended = execution.BaseExecutionWorkerCommunication.terminated
    server.replace(execution.BaseExecutionWorkerCommunication, "terminated", _telling(ended))
    for operation in ("CreateStateMachine", "UpdateStateMachine"):
        server.around("states", operation, _checked)
    server.around("states", "ValidateStateMachineDefinition", _validate)
    server.around("states", "ListStateMachineVersions", _versions)
    server.around("states", "DescribeExecution", _describe)
    server.around("states", "RedriveExecution", _redrive)


def _tasks(server: Server, emr_serverless: type) -> None:
    """Give the engine its class for EMR Serverless, and roles to act as."""
    factory = import_module(f"{_TASKS}.state_task_factory")
    known = factory.state_task_service_for

    def service_for(service_name: str) -> Any:
        return emr_serverless() if service_name == "emr-serverless" else known(service_name)

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        return server.client(service, role=state_credentials.role_arn, region=region)

    server.replace(factory, "state_task_service_for", service_for)
    for name in _CALLERS:
        server.replace(import_module(f"{_TASKS}.{name}"), "boto_client_for", client_for)


def _named(start: Callable[..., Any]) -> Callable[..., Any]:
    """Give an execution without a name one, as AWS does."""

    def named(
        backend: Any,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        trace_header: str | None = None,
    ) -> Any:
        chosen = name or str(uuid4())
        backend._validate_name(chosen)  # noqa: SLF001
        return start(backend, state_machine_arn, chosen, execution_input, trace_header)

    return named


def _telling(ended: Callable[[Any], None]) -> Callable[[Any], None]:
    """Tell the event bus of an execution's end, after it has been noted."""
    from console.emulator import steps_worker  # noqa: PLC0415

    def told(communication: Any) -> None:
        ended(communication)
        steps_worker.tell(communication.execution)

    return told


def _checked(call: Call, forward: Callable[[], Answer]) -> Answer:
    """Refuse a definition that would not run."""
    definition = call.params().get("definition")
    found = steps_checks.troubles(definition) if definition is not None else []
    if found:
        raise AwsError("InvalidDefinition", "; ".join(found))
    return forward()


def _validate(call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
    """Answer Terraform's question at plan."""
    found = steps_checks.troubles(call.params()["definition"])
    diagnostics = [
        {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": trouble}
        for trouble in found
    ]
    return {"result": "FAIL" if found else "OK", "diagnostics": diagnostics, "truncated": False}


def _backend(call: Call) -> Any:
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends  # noqa: PLC0415

    return stepfunctions_parser_backends[ACCOUNT][call.region]


def _versions(call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
    machine = _backend(call).describe_state_machine(call.params()["stateMachineArn"])
    newest = sorted(machine.versions.items(), reverse=True)
    told = [
        {"stateMachineVersionArn": version.arn, "creationDate": version.creation_date}
        for _, version in newest
    ]
    return {"stateMachineVersions": told}


def _describe(call: Call, forward: Callable[[], Answer]) -> Answer | dict[str, Any]:
    from console.emulator import steps_worker  # noqa: PLC0415

    answer = forward()
    if answer.status != 200:  # noqa: PLR2004
        return answer
    execution = _backend(call).describe_execution(call.params()["executionArn"])
    return {**answer.json(), **steps_worker.facts(execution)}


def _redrive(call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
    from console.emulator import steps_worker  # noqa: PLC0415

    execution = _backend(call).describe_execution(call.params()["executionArn"])
    return {"redriveDate": steps_worker.redrive(execution)}
