"""How a request's Spark parameters become a local spark-submit, and what its workers are.

https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html
https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-iceberg.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from console import toolchain
from console.emulator.answers import AwsError
from console.emulator.emr_sizes import Workers, workers
from console.emulator.emr_submit import IMAGE_JARS, S3_JARS, command, local_conf, parse

ICEBERG = "/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar"


def request(parameters: str = "", arguments: Any = (), **overrides: Any) -> dict[str, Any]:
    """A StartJobRun request, as far as spark-submit goes."""
    spark = {
        "entryPoint": "s3://code/main.py",
        "entryPointArguments": list(arguments),
        "sparkSubmitParameters": parameters,
    }
    return {"jobDriver": {"sparkSubmit": spark}, "configurationOverrides": overrides}


def test_parameters_win_over_application_configuration() -> None:
    """The order of precedence is EMR's: submit parameters above spark-defaults."""
    properties = {"spark.a": "default", "spark.b": "default"}
    defaults = [{"classification": "spark-defaults", "properties": properties}]
    asked = request("--conf spark.a=given --conf=spark.c=x=y", applicationConfiguration=defaults)
    assert parse(asked).conf == {"spark.a": "given", "spark.b": "default", "spark.c": "x=y"}


def test_jars_given_twice_lose_one_list() -> None:
    """--jars and spark.jars are one property, as on EMR: the flag's list is the only one."""
    asked = request(f"--jars s3://code/other.jar --conf spark.jars={ICEBERG}")
    assert parse(asked).jars == ("s3://code/other.jar",)


def test_sizes_and_interpreters_stay_on_emr() -> None:
    """What describes EMR's workers and image does not reach the local Spark; the rest does."""
    submission = parse(
        request(
            "--driver-memory 6G --conf spark.executor.cores=2 --num-executors 2 "
            "--conf spark.dynamicAllocation.maxExecutors=2 "
            "--conf spark.emr-serverless.driverEnv.LAKE_PLACE=aws "
            "--conf spark.emr-serverless.driverEnv.PYSPARK_PYTHON=/usr/bin/python3.11 "
            "--conf spark.executorEnv.PYSPARK_PYTHON=/usr/bin/python3.11 "
            f"--conf spark.jars={ICEBERG} --conf spark.sql.session.timeZone=UTC"
        )
    )
    conf = local_conf(submission, "http://127.0.0.1:1", "us-east-1")
    mine = {name: value for name, value in conf.items() if name in submission.conf}
    assert mine == {"spark.sql.session.timeZone": "UTC"}
    assert submission.environment == {"LAKE_PLACE": "aws"}


def test_each_iceberg_catalog_gets_the_endpoints() -> None:
    """Glue and S3 of every Iceberg catalog are the emulator's; nothing else of it changes."""
    catalog = "org.apache.iceberg.spark.SparkCatalog"
    submission = parse(
        request(f"--conf spark.sql.catalog.lake={catalog} --conf spark.sql.catalog.x=y")
    )
    conf = local_conf(submission, "http://127.0.0.1:1", "eu-west-1")
    assert {n: v for n, v in conf.items() if n.startswith("spark.sql.catalog.")} == {
        "spark.sql.catalog.lake": catalog,
        "spark.sql.catalog.x": "y",
        "spark.sql.catalog.lake.glue.endpoint": "http://127.0.0.1:1",
        "spark.sql.catalog.lake.s3.endpoint": "http://127.0.0.1:1",
        "spark.sql.catalog.lake.s3.path-style-access": "true",
        "spark.sql.catalog.lake.client.region": "eu-west-1",
    }


def test_the_command_runs_copies_of_what_is_named() -> None:
    """Jars of EMR's image are the locked ones; without them Iceberg is missing, as on EMR."""
    files = {name: Path("/local") / name for name in (*IMAGE_JARS[ICEBERG], "s3://code/main.py")}
    asked = parse(request(f"--conf spark.jars={ICEBERG}", ["silver.emt", "--full"]))
    told = command("spark-submit", asked, {"spark.a": "b"}, files)
    assert told == [
        *("spark-submit", "--master", "local[2]", "--driver-memory", "2g", "--jars"),
        "/local/iceberg-spark-runtime-3.5_2.12,/local/iceberg-aws-bundle",
        *("--conf", "spark.a=b", "/local/s3:/code/main.py", "silver.emt", "--full"),
    ]
    assert "--jars" not in command("spark-submit", parse(request()), {}, files)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (request("--packages a:b:1"), "--packages"),
        (request("--conf spark.a"), "is no setting"),
        (request("--jars /usr/share/aws/delta/lib/delta.jar"), "delta.jar"),
        (request(arguments=[1.3]), "must be strings"),
        (request(applicationConfiguration=[{"classification": "spark-log4j2"}]), "spark-log4j2"),
        ({"jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/main.jar"}}}, "no Python file"),
    ],
)
def test_what_has_no_counterpart_is_refused(asked: dict[str, Any], why: str) -> None:
    """Nothing of a request is left out silently."""
    with pytest.raises(AwsError, match=why):
        parse(asked)


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ({}, Workers(4, 16, 4, 16, 3)),
        (
            {
                "spark.driver.cores": "1",
                "spark.driver.memory": "3G",
                "spark.executor.cores": "2",
                "spark.executor.memory": "6g",
                "spark.executor.instances": "2",
            },
            Workers(1, 4, 2, 7, 2),
        ),
        ({"spark.dynamicAllocation.maxExecutors": "1"}, Workers(4, 16, 4, 16, 1)),
        (
            {"spark.dynamicAllocation.enabled": "false", "spark.driver.memory": "1024m"},
            Workers(4, 2, 4, 16, 3),
        ),
    ],
)
def test_workers_follow_emr_s_defaults(conf: dict[str, str], expected: Workers) -> None:
    """An untuned job asks for 16 vCPU; overhead is added and rounded up."""
    assert workers(conf) == expected


def test_a_size_that_is_none_is_refused() -> None:
    """A mistyped memory is an error."""
    with pytest.raises(AwsError, match="no size of memory"):
        workers({"spark.driver.memory": "much"})


def test_every_jar_in_the_place_of_emr_s_is_locked() -> None:
    """What a job may need is in jars.lock, and the local place does not fetch it."""
    wanted = {*S3_JARS, *(jar for jars in IMAGE_JARS.values() for jar in jars)}
    locked = {jar.artifact: jar.places for jar in toolchain.locked_jars()}
    assert wanted <= set(locked)
    local = {artifact for artifact, places in locked.items() if "local" in places}
    assert local == {"iceberg-spark-runtime-3.5_2.12", "sqlite-jdbc"}
