"""A job run's own request as a local `spark-submit`: the one place where EMR's image is mapped.

https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html
Sizes are kept for billing and capacity, and replaced by two local cores; paths of EMR's image
become the locked jars; what has no counterpart here is refused.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console import session
from console.emulator.answers import AwsError, NotEmulatedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MASTER = "local[2]"
DRIVER_MEMORY = "2g"
# Paths of EMR's image, and the locked jars that stand for them.
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-iceberg.html
IMAGE_JARS = {
    "/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar": (
        "iceberg-spark-runtime-3.5_2.12",
        "iceberg-aws-bundle",
    ),
}
# EMR reads s3:// by itself; Spark outside EMR by these: the parts that Hadoop's file system loads,
# a fiftieth of the SDK's bundle.
S3_JARS = (
    "hadoop-aws",
    "aws-java-sdk-core",
    "aws-java-sdk-s3",
    "aws-java-sdk-sts",
    "aws-java-sdk-dynamodb",
    "jmespath-java",
)
DRIVER_ENVIRONMENT = "spark.emr-serverless.driverEnv."
_EXECUTOR_ENVIRONMENT = "spark.executorEnv."
_ICEBERG_CATALOG = "org.apache.iceberg.spark.SparkCatalog"
# Interpreters of EMR's image: here there is one.
_INTERPRETERS = ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON")
# Sizes, and what only EMR's own build of Spark knows.
_DROPPED = (
    "spark.driver.cores",
    "spark.driver.memory",
    "spark.executor.cores",
    "spark.executor.memory",
    "spark.executor.instances",
    "spark.dynamicAllocation.",
    "spark.emr-serverless.",
    "spark.jars",
    "spark.submit.pyFiles",
)
_FLAGS = {
    "--jars": "spark.jars",
    "--py-files": "spark.submit.pyFiles",
    "--name": "spark.app.name",
    "--driver-memory": "spark.driver.memory",
    "--driver-cores": "spark.driver.cores",
    "--executor-memory": "spark.executor.memory",
    "--executor-cores": "spark.executor.cores",
    "--num-executors": "spark.executor.instances",
}
_CLASSIFICATION = "spark-defaults"


@dataclass(frozen=True)
class Submission:
    """What a request asks Spark to do: its entry point, arguments and effective settings."""

    entry_point: str
    arguments: tuple[str, ...]
    conf: Mapping[str, str]

    @property
    def jars(self) -> tuple[str, ...]:
        """Jars beside Spark's own; `--jars` and `spark.jars` are one property, the flag wins."""
        return _listed(self.conf.get("spark.jars", ""))

    @property
    def py_files(self) -> tuple[str, ...]:
        """Zips of Python code."""
        return _listed(self.conf.get("spark.submit.pyFiles", ""))

    @property
    def environment(self) -> dict[str, str]:
        """The driver's environment, without EMR's interpreters."""
        found = {
            name[len(DRIVER_ENVIRONMENT) :]: value
            for name, value in self.conf.items()
            if name.startswith(DRIVER_ENVIRONMENT)
        }
        return {name: value for name, value in found.items() if name not in _INTERPRETERS}


def parse(request: Mapping[str, Any]) -> Submission:
    """The submission in a StartJobRun request.

    Raises AwsError for what EMR refuses too, NotEmulatedError for what is not emulated.
    """
    driver = request.get("jobDriver", {})
    if "sparkSubmit" not in driver:
        raise NotEmulatedError(f"a job driver other than sparkSubmit ({', '.join(driver)})")
    spark = driver["sparkSubmit"]
    arguments = spark.get("entryPointArguments", [])
    if not all(isinstance(argument, str) for argument in arguments):
        raise AwsError("ValidationException", "entryPointArguments must be strings")
    if not spark.get("entryPoint", "").endswith(".py"):
        raise NotEmulatedError("an entry point that is no Python file")
    conf = {**_defaults(request), **_parameters(spark.get("sparkSubmitParameters") or "")}
    for path in _listed(conf.get("spark.jars", "")):
        if not path.startswith("s3://") and path not in IMAGE_JARS:
            raise NotEmulatedError(f"the jar {path} of EMR's image")
    return Submission(spark["entryPoint"], tuple(arguments), conf)


def _defaults(request: Mapping[str, Any]) -> dict[str, str]:
    """Settings of the request's application configuration; parameters win over them."""
    found: dict[str, str] = {}
    overrides = request.get("configurationOverrides") or {}
    for part in overrides.get("applicationConfiguration") or []:
        if part["classification"] != _CLASSIFICATION:
            raise NotEmulatedError(f"the classification {part['classification']}")
        found.update(part.get("properties", {}))
    return found


def _parameters(text: str) -> dict[str, str]:
    """`--conf k=v --py-files …` as settings."""
    conf: dict[str, str] = {}
    flags: dict[str, str] = {}
    words = iter(shlex.split(text))
    for word in words:
        flag, equals, value = word.partition("=")
        if not equals:
            value = next(words, "")
        if flag == "--conf":
            name, is_setting, setting = value.partition("=")
            if not is_setting:
                raise AwsError("ValidationException", f"--conf {value} is no setting")
            conf[name] = setting
        elif flag in _FLAGS:
            flags[_FLAGS[flag]] = value
        else:
            raise NotEmulatedError(f"the spark-submit parameter {flag}")
    return {**conf, **flags}


def local_conf(submission: Submission, endpoint: str, region: str) -> dict[str, str]:
    """The settings for Spark on this machine: EMR's sizes out, the emulator's endpoints in."""
    kept = {
        name: value
        for name, value in submission.conf.items()
        if not name.startswith(_DROPPED)
        and name not in {_EXECUTOR_ENVIRONMENT + python for python in _INTERPRETERS}
    }
    catalogs = [
        n for n, v in kept.items() if n.startswith("spark.sql.catalog.") and v == _ICEBERG_CATALOG
    ]
    for catalog in catalogs:
        kept[f"{catalog}.glue.endpoint"] = endpoint
        kept[f"{catalog}.s3.endpoint"] = endpoint
        kept[f"{catalog}.s3.path-style-access"] = "true"
        kept[f"{catalog}.client.region"] = region
    return {**kept, **_machine(endpoint, region)}


def _machine(endpoint: str, region: str) -> dict[str, str]:
    return {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "4",
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -XX:TieredStopAtLevel=1 "
        "-XX:+UseParallelGC -XX:-UsePerfData -Daws.region=" + region,
        **session.s3_conf(endpoint, region),
        "spark.hadoop.fs.s3a.aws.credentials.provider": (
            "com.amazonaws.auth.EnvironmentVariableCredentialsProvider"
        ),
    }


def command(
    program: str, submission: Submission, conf: Mapping[str, str], files: Mapping[str, Path]
) -> list[str]:
    """The `spark-submit` call; `files` are the local copies of everything the request names."""
    jars = [path for name in submission.jars for path in _copies(name, files)]
    jars += [str(files[name]) for name in S3_JARS if name in files]
    settings = [part for name in sorted(conf) for part in ("--conf", f"{name}={conf[name]}")]
    python = [str(files[name]) for name in submission.py_files]
    return [
        *(program, "--master", MASTER, "--driver-memory", DRIVER_MEMORY),
        *(("--jars", ",".join(jars)) if jars else ()),
        *(("--py-files", ",".join(python)) if python else ()),
        *settings,
        str(files[submission.entry_point]),
        *submission.arguments,
    ]


def _copies(name: str, files: Mapping[str, Path]) -> Iterable[str]:
    return [str(files[jar]) for jar in IMAGE_JARS.get(name, (name,))]


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
