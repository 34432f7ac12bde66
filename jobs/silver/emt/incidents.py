"""emt_silver.incidents: one row for each incident that EMT announced, whatever poll carried it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from lakehouse import values
from lakehouse.job import Silver
from lakehouse.table import Column, Table

if TYPE_CHECKING:
    from pyspark.sql import Column as Expression
    from pyspark.sql import DataFrame

    from lakehouse.settings import Settings

TABLE = Table(
    database="emt_silver",
    name="incidents",
    doc="One row for each announced incident: when it holds, why, and which lines it names.",
    owner="mobility",
    key=("guid",),
    # Between polls EMT puts the publication time of some incidents back by hours; the latest
    # time ever said stays, whatever the order of the polls.
    latest_by="published_ts",
    columns=(
        Column("guid", "string", "EMT's identifier of the incident.", required=True),
        Column("title", "string", "Headline, Spanish."),
        Column("description", "string", "Text, Spanish, with EMT's own markup."),
        Column("cause", "string", "Code and text of the cause."),
        Column("effect", "string", "Code and text of the effect."),
        Column("published_ts", "timestamp", "When it was published, UTC."),
        Column("valid_from_ts", "timestamp", "From when it holds, UTC."),
        Column("valid_to_ts", "timestamp", "Until when it holds, UTC."),
        Column("lines", "array<string>", "Labels of the lines that title or text name, in order."),
        Column("more_info_url", "string", "A document with more."),
    ),
)

_INCIDENT = (
    "title: string, guid: string, description: string, pubDate: string, rssFrom: string, "
    "rssTo: string, cause: string, effect: string, moreInfo: struct<`@url`: string>"
)
PAYLOAD = f"struct<data: array<struct<Incident: string>>, Incident: string, {_INCIDENT}>"

_LABEL = r"(?:[A-Z]{0,2}\d{1,3}[A-Z]{0,2}|[A-H])"
_LIST = rf"(?i:l[ií]neas?)\s+({_LABEL}(?:(?:\s*,\s*|\s+[ye]\s+){_LABEL})*)\b"


def _named_lines(text: Expression) -> Expression:
    """Labels in lists such as `líneas 1, C03 y N25`, each once, in the order of the text."""
    lists = F.regexp_extract_all(text, F.lit(_LIST), F.lit(1))
    labels = F.regexp_extract_all(F.array_join(lists, " "), F.lit(rf"\b({_LABEL})\b"), F.lit(1))
    return F.array_distinct(labels)


def _local(text: str, zone: str) -> Expression:
    return F.to_utc_timestamp(F.to_timestamp(text, "d/M/yyyy H:mm:ss"), zone)


def transform(records: DataFrame, settings: Settings) -> DataFrame:
    """The incidents of polls and of incident files, by the contract."""
    kind = f"struct<{_INCIDENT}>"
    carried = F.expr("concat(coalesce(transform(payload.data, d -> d.Incident), array()), "
                     "array(payload.Incident))")  # fmt: skip
    lists = F.transform(
        carried, lambda text: values.items(F.get_json_object(text, "$.ListaIncident.data"), kind)
    )
    alone = F.struct(*[f"payload.{f.split(':')[0].strip()}" for f in _INCIDENT.split(", ")])
    each = F.concat(
        F.flatten(F.filter(lists, lambda x: x.isNotNull())),
        F.when(F.col("payload.guid").isNotNull(), F.array(alone.cast(kind))).otherwise(F.array()),
    )
    found = records.select("source_uri", "source_row", F.posexplode(each).alias("item", "i"))
    published = F.regexp_replace("i.pubDate", r"^\w+,\s*", "")
    zone = settings.time_zone
    return found.select(
        values.text(F.col("i.guid")).alias("guid"),
        values.text(F.col("i.title")).alias("title"),
        values.text(F.col("i.description")).alias("description"),
        values.text(F.col("i.cause")).alias("cause"),
        values.text(F.col("i.effect")).alias("effect"),
        F.to_timestamp(published, "d MMM yyyy HH:mm:ss 'GMT'").alias("published_ts"),
        _local("i.rssFrom", zone).alias("valid_from_ts"),
        _local("i.rssTo", zone).alias("valid_to_ts"),
        _named_lines(F.concat_ws(" ", "i.title", "i.description")).alias("lines"),
        values.text(F.col("i.moreInfo.`@url`")).alias("more_info_url"),
        "source_uri",
        "source_row",
        "item",
        F.lit(None).cast("string").alias("reject"),
        F.to_json("i").alias("row_json"),
    )


JOB = Silver(TABLE, ("emt/arrivals", "emt/incidents"), PAYLOAD, transform)
