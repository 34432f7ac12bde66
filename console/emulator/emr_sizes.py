"""What a job run's workers are: for the application's capacity and for the bill.

https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html (defaults)
https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_ResourceUtilization.html
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.emulator.answers import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULTS = {
    "spark.driver.cores": "4",
    "spark.driver.memory": "14G",
    "spark.executor.cores": "4",
    "spark.executor.memory": "14G",
    "spark.dynamicAllocation.enabled": "true",
    "spark.dynamicAllocation.initialExecutors": "3",
    "spark.executor.instances": "3",
    "spark.emr-serverless.memoryOverheadFactor": "0.1",
}
_LEAST_OVERHEAD_GB = 384 / 1024
_LEAST_BILLED_SECONDS = 60
_HOUR = 3600
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", re.IGNORECASE)
_GB = {"k": 1 / 1024**2, "m": 1 / 1024, "g": 1.0, "t": 1024.0, "": 1 / 1024**3}


@dataclass(frozen=True)
class Workers:
    """One driver and its executors."""

    driver_cpu: int
    driver_gb: int
    executor_cpu: int
    executor_gb: int
    executors: int

    def fits(self, cpu: float, gb: float) -> bool:
        """Whether the driver and one executor fit in a capacity: with less, nothing ever runs."""
        return (
            self.driver_cpu + self.executor_cpu <= cpu and self.driver_gb + self.executor_gb <= gb
        )

    def used(self, seconds: float) -> dict[str, float]:
        """Hours of vCPU and GB of that many seconds; disks up to 20 GB a worker cost nothing."""
        hours = seconds / _HOUR
        cpu = self.driver_cpu + self.executors * self.executor_cpu
        gb = self.driver_gb + self.executors * self.executor_gb
        return {
            "vCPUHour": round(cpu * hours, 3),
            "memoryGBHour": round(gb * hours, 3),
            "storageGBHour": 0.0,
        }

    def billed(self, seconds: float) -> dict[str, float]:
        """The same as billed: each worker at least a minute, by whole seconds."""
        return self.used(max(_LEAST_BILLED_SECONDS, math.ceil(seconds)))


def workers(conf: Mapping[str, str]) -> Workers:
    """The workers that these settings ask for.

    Raises AwsError for a size that is none.
    """
    told = {**_DEFAULTS, **conf}
    overhead = float(told["spark.emr-serverless.memoryOverheadFactor"])
    dynamic = told["spark.dynamicAllocation.enabled"] == "true"
    asked = "spark.dynamicAllocation.initialExecutors" if dynamic else "spark.executor.instances"
    if "spark.executor.instances" in conf:
        asked = "spark.executor.instances"
    count = int(told[asked])
    if dynamic:
        count = min(count, int(told.get("spark.dynamicAllocation.maxExecutors", count)))
    return Workers(
        int(told["spark.driver.cores"]),
        _whole(told["spark.driver.memory"], overhead),
        int(told["spark.executor.cores"]),
        _whole(told["spark.executor.memory"], overhead),
        count,
    )


def gigabytes(text: str) -> float:
    """`14G`, `2048m`, `64 GB`."""
    found = _MEMORY.fullmatch(text.strip())
    if not found:
        raise AwsError("ValidationException", f"{text!r} is no size of memory")
    return float(found[1]) * _GB[found[2].lower()]


def _whole(text: str, overhead: float) -> int:
    """A worker's memory: the JVM's and the overhead, in whole GB."""
    own = gigabytes(text)
    return math.ceil(own + max(_LEAST_OVERHEAD_GB, own * overhead))
