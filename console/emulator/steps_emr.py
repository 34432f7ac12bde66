"""Step Functions' integration with EMR Serverless: startJobRun, and startJobRun.sync that waits.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr-serverless.html

Why a naive patch of moto's engine times out at once on a retry: the engine takes the task's
callback endpoint, by a token made once for the state, and in the end of each attempt interrupts
it for good. The second attempt finds the same endpoint already interrupted, takes that for a
time-out, and never looks at its job. A job is no callback: here nothing waits on an endpoint.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.api import (
    HistoryEventExecutionDataDetails,
    HistoryEventType,
    TaskFailedEventDetails,
    TaskSubmittedEventDetails,
)
from moto.stepfunctions.parser.asl.component.common.error_name import (
    custom_error_name,
    failure_event,
    states_error_name,
    states_error_name_type,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from console.emulator import steps_shapes
from console.emulator.emr_run import TERMINAL
from console.emulator.steps_shapes import SERVICE

if TYPE_CHECKING:
    from console.emulator.server import Server

# Step Functions hears of a job's end by an event, and asks by GetJobRun besides.
_PAUSE_SECONDS = 0.2
_ACTIONS = ("startJobRun",)
_CONDITIONS = (None, "sync")


def task(server: Server) -> type:
    """The engine's class for tasks of this service, bound to a server."""

    class EmrServerlessTask(_Task):
        emulator = server

    return EmrServerlessTask


class _Task(state_task_service.StateTaskService):
    """One task state; an attempt is one call of `_eval_service_task` and what comes after."""

    emulator: Server

    def _validate_service_integration_is_supported(self) -> None:
        action, condition = self.resource.api_action, self.resource.condition
        if action not in _ACTIONS or condition not in _CONDITIONS:
            raise ValueError(
                f"{self.resource.resource_arn} is not implemented in the emulated place"
            )

    def _get_sfn_resource(self) -> str:
        condition = self.resource.condition
        return str(self.resource.api_action) + (f".{condition}" if condition else "")

    def _client(self, part: Any, credentials: Any) -> Any:
        return self.emulator.client(SERVICE, role=credentials.role_arn, region=part.region)

    def _eval_service_task(
        self,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: Any,
        state_credentials: Any,
    ) -> None:
        """Start the job run, by the token of the definition or one for this attempt."""
        model = steps_shapes.operation(self.resource.api_action)
        unknown = steps_shapes.unknown_fields(normalised_parameters, model.input_shape)
        if unknown:
            raise ValueError(f"The field {unknown[0]!r} is not supported by Step Functions")
        asked = steps_shapes.request(normalised_parameters, model.input_shape)
        asked.setdefault("clientToken", uuid4().hex)
        told = self._client(resource_runtime_part, state_credentials).start_job_run(**asked)
        env.stack.append(steps_shapes.answer(told, model.output_shape))

    def _after_eval_execution(
        self,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: Any,
        state_credentials: Any,
    ) -> None:
        """Wait for the end, where asked; when the state ends first, the job is cancelled."""
        if self.resource.condition:
            submitted = env.stack.pop()
            self._tell_submitted(env, submitted)
            client = self._client(resource_runtime_part, state_credentials)
            ended = _wait(env, client, submitted)
            env.stack.append(ended)
            if ended is None:
                return
            if ended["State"] != "SUCCESS":
                failed = states_error_name_type.StatesErrorNameType.StatesTaskFailed
                name = states_error_name.StatesErrorName(typ=failed)
                failure = self._failure(env, name, failed.to_name(), json.dumps(ended))
                raise failure_event.FailureEventException(failure)
        super()._after_eval_execution(
            env, resource_runtime_part, normalised_parameters, state_credentials
        )

    def _tell_submitted(self, env: Any, submitted: Any) -> None:
        env.event_manager.add_event(
            context=env.event_history_context,
            event_type=HistoryEventType.TaskSubmitted,
            event_details=EventDetails(
                taskSubmittedEventDetails=TaskSubmittedEventDetails(
                    resource=self._get_sfn_resource(),
                    resourceType=self._get_sfn_resource_type(),
                    output=json.dumps(submitted),
                    outputDetails=HistoryEventExecutionDataDetails(truncated=False),
                )
            ),
        )

    def _from_error(self, env: Any, ex: Exception) -> Any:
        if isinstance(ex, ClientError):
            code = ex.response["Error"]["Code"]
            told = f"EMRServerless.{code.removesuffix('Exception')}Exception"
            return self._failure(
                env, custom_error_name.CustomErrorName(told), told, ex.response["Error"]["Message"]
            )
        if isinstance(ex, BotoCoreError):
            told = "EMRServerless.SdkClientException"
            name = custom_error_name.CustomErrorName(told)
            return self._failure(env, name, told, str(ex))
        return super()._from_error(env=env, ex=ex)

    def _failure(self, env: Any, name: Any, error: str, cause: str) -> Any:
        return failure_event.FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(
                taskFailedEventDetails=TaskFailedEventDetails(
                    resource=self._get_sfn_resource(),
                    resourceType=self._get_sfn_resource_type(),
                    error=error,
                    cause=cause,
                )
            ),
        )


def _wait(env: Any, client: Any, submitted: dict[str, Any]) -> dict[str, Any] | None:
    """The job run once it has ended; None when the state ended before, and the job with it."""
    named = {"applicationId": submitted["ApplicationId"], "jobRunId": submitted["JobRunId"]}
    shape = steps_shapes.operation("getJobRun").output_shape.members["jobRun"]
    while env.is_running():
        run = client.get_job_run(**named)["jobRun"]
        if run["state"] in TERMINAL:
            told: dict[str, Any] = steps_shapes.answer(run, shape)
            return told
        time.sleep(_PAUSE_SECONDS)
    _cancel(client, named)
    return None


def _cancel(client: Any, named: dict[str, str]) -> None:
    """A state that times out or is stopped cancels its job; one that has just ended is left."""
    try:
        client.cancel_job_run(**named)
    except client.exceptions.ValidationException:
        return
