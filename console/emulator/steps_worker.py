"""Executions that can be redriven: again from the state that failed, with its input.

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.flow.start_at import StartAt
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from console.emulator import aws_events
from console.emulator.answers import AwsError

_SOURCE = "aws.states"
_REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")


class Worker(ExecutionWorker):
    """Runs an execution, from its start or from where a redrive resumes it."""

    redrives = 0
    resume: tuple[str, Any] | None = None
    before: tuple[dict[str, Any], ...] = ()

    def start(self) -> None:
        """Tell that the execution runs, and run it."""
        tell(self._execution_communication.execution)
        super().start()

    def _get_evaluation_entrypoint(self) -> Any:
        program = super()._get_evaluation_entrypoint()
        if self.resume:
            program.start_at = StartAt(self.resume[0])
        return program

    def _get_evaluation_environment(self) -> Any:
        env = super()._get_evaluation_environment()
        env.states.context_object.context_object_data["Execution"]["RedriveCount"] = self.redrives
        if self.resume:
            env.states.reset(self.resume[1])
        return env

    def _execution_logic(self) -> None:
        if not self.resume:
            super()._execution_logic()
            return
        program = self._get_evaluation_entrypoint()
        self.env = self._get_evaluation_environment()
        history = self.env.event_manager
        for event in self.before:  # the same execution: its numbers go on
            history._history_event_list.append(event)  # noqa: SLF001
            history._event_id_gen.get()  # noqa: SLF001
        history.add_event(
            context=self.env.event_history_context,
            event_type=HistoryEventType.ExecutionRedriven,
            event_details=EventDetails(
                executionRedrivenEventDetails={"redriveCount": self.redrives}
            ),
            update_source_event_id=False,
        )
        program.eval(self.env)
        self._execution_communication.terminated()


def worker(execution: Any) -> Worker:
    """In the place of moto's `_get_start_execution_worker`."""
    from moto.stepfunctions.parser.backend.execution import EvaluationDetails  # noqa: PLC0415

    return Worker(
        evaluation_details=EvaluationDetails(
            aws_execution_details=execution._get_start_aws_execution_details(),  # noqa: SLF001
            execution_details=execution.get_start_execution_details(),
            state_machine_details=execution.get_start_state_machine_details(),
        ),
        exec_comm=execution._get_start_execution_worker_comm(),  # noqa: SLF001
        cloud_watch_logging_session=None,
        activity_store=execution._activity_store,  # noqa: SLF001
    )


def redrive(execution: Any) -> datetime:
    """Run an execution that did not succeed again from the state it ended in.

    Raises AwsError for one that runs or succeeded.
    """
    if execution.status not in _REDRIVABLE:
        raise AwsError(
            "ExecutionNotRedrivable",
            f"Execution {execution.exec_arn} is {execution.status} and cannot be redriven",
        )
    before = execution.to_history_output()["events"]
    entered = [e for e in before if str(e["type"].value).endswith("StateEntered")]
    if not entered:
        raise AwsError("ExecutionNotRedrivable", f"{execution.exec_arn} entered no state")
    details = entered[-1]["stateEnteredEventDetails"]
    again = worker(execution)
    again.resume = (details["name"], json.loads(details["input"]))
    again.redrives = execution.exec_worker.redrives + 1
    again.before = tuple(before)
    execution.exec_worker = again
    execution.exec_status, execution.stop_date = ExecutionStatus.RUNNING, None
    execution.error = execution.cause = execution.output = None
    execution.redrive_date = datetime.now(timezone.utc)
    again.start()
    return execution.redrive_date  # type: ignore[no-any-return]


def facts(execution: Any) -> dict[str, Any]:
    """What DescribeExecution tells besides."""
    status, now = execution.status, getattr(execution, "redrive_date", None)
    able = status in _REDRIVABLE
    reasons = {"RUNNING": "Execution is RUNNING and cannot be redriven"}
    succeeded = "Execution is SUCCEEDED and cannot be redriven"
    return {
        "redriveCount": execution.exec_worker.redrives,
        "redriveStatus": "REDRIVABLE" if able else "NOT_REDRIVABLE",
        **({} if able else {"redriveStatusReason": reasons.get(status, succeeded)}),
        **({"redriveDate": now.timestamp()} if now else {}),
        **({"stopDate": execution.stop_date.timestamp()} if execution.stop_date else {}),
    }


def tell(execution: Any) -> None:
    """The event of a change of status.

    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    stop = execution.stop_date
    detail = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": int(execution.start_date.timestamp() * 1000),
        "stopDate": int(stop.timestamp() * 1000) if stop else None,
        "input": execution.execution_input,
        "output": json.dumps(execution.output) if execution.output is not None else None,
        "error": execution.error,
        "cause": execution.cause,
    }
    kind = "Step Functions Execution Status Change"
    aws_events.publish(execution.region_name, _SOURCE, kind, detail, [execution.exec_arn])
