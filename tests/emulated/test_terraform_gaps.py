"""What Terraform's AWS provider asks for beside what moto answers.

AWS: "GetBucketNotificationConfiguration" (S3); "SetQueueAttributes" and "GetQueueAttributes" (SQS);
"ListTagsForResource", "UpdateWorkGroup" and "DeleteNamedQuery" (Athena); "ListPermissions",
"RevokePermissions" and "CreateDataCellsFilter" (Lake Formation); "CreateStream" (Kinesis).
"""

from __future__ import annotations

import json
import threading
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.s3.models import FakeDeleteMarker
from moto.s3.utils import _VersionedKeyStore

from console.emulator.athena import changed
from tests.emulated.events_server import ACCOUNT, REGION, ROLE, Aws

_NUMBERS = count(1)

TABLE = {"DatabaseName": "d", "Name": "t"}


def test_a_bucket_says_that_eventbridge_is_on(aws: Aws) -> None:
    """On, and only on, is told; so that a second plan has no changes."""
    s3, name = aws.client("s3"), f"bucket-{next(_NUMBERS)}"
    s3.create_bucket(Bucket=name)
    before = s3.get_bucket_notification_configuration(Bucket=name)
    assert "EventBridgeConfiguration" not in before
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    after = s3.get_bucket_notification_configuration(Bucket=name)
    assert after["EventBridgeConfiguration"] == {}


def test_a_policy_with_a_condition_does_not_shut_the_bucket(aws: Aws) -> None:
    """TLS only is no denial over loopback; a denial without a condition still is one."""
    s3, name = aws.client("s3"), f"bucket-{next(_NUMBERS)}"
    s3.create_bucket(Bucket=name)
    every = f"arn:aws:s3:::{name}/*"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": every}
    tls = {**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Statement": [tls]}))
    s3.put_object(Bucket=name, Key="k", Body=b"1")
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Statement": [tls, deny]}))
    with pytest.raises(ClientError, match="Forbidden"):
        s3.put_object(Bucket=name, Key="k", Body=b"1")


def test_versions_are_listed_while_others_are_deleted(aws: Aws) -> None:
    """A key that goes while a bucket is listed is left out, not an error."""
    assert aws.server
    store = _VersionedKeyStore()
    for name in ("a", "b", "c"):
        store[name] = FakeDeleteMarker(SimpleNamespace(name=name, bucket_name="bucket"))
    listed = store.iterlists()
    first = next(listed)[0]
    dict.pop(store, "b")
    assert [first, *(name for name, _ in listed)] == ["a", "c"]


def test_versions_are_deleted_where_versioning_has_ended(aws: Aws) -> None:
    """Of a bucket that was versioned a named version goes, a marker too, and the others stay."""
    s3, name = aws.client("s3"), f"bucket-{next(_NUMBERS)}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    kept = s3.put_object(Bucket=name, Key="k", Body=b"1")["VersionId"]
    marker = s3.delete_object(Bucket=name, Key="k")["VersionId"]
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})

    def delete(version: str) -> None:
        gone = {"Objects": [{"Key": "k", "VersionId": version}]}
        assert "Errors" not in s3.delete_objects(Bucket=name, Delete=gone)

    delete(marker)
    told = s3.list_object_versions(Bucket=name)
    assert [one["VersionId"] for one in told["Versions"]] == [kept]
    assert "DeleteMarkers" not in told
    delete(kept)
    assert "Versions" not in s3.list_object_versions(Bucket=name)
    s3.delete_bucket(Bucket=name)


def test_a_queue_keeps_its_attributes_as_they_were_set(aws: Aws) -> None:
    """Setting one attribute leaves the policy; what was emptied is told no more."""
    sqs = aws.client("sqs")
    url, arn = aws.queue(f"queue-{next(_NUMBERS)}")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    allow = json.dumps({"redrivePermission": "denyAll"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedriveAllowPolicy": allow})
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (json.loads(told["Policy"]), told["RedriveAllowPolicy"]) == (json.loads(policy), allow)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedriveAllowPolicy": "", "Policy": ""})
    left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedriveAllowPolicy", "Policy"])
    assert "Attributes" not in left


def test_a_workgroup_without_tags_has_none(aws: Aws) -> None:
    """An empty list; an unknown workgroup is an error."""
    athena, arn = aws.client("athena"), f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/"
    athena.create_work_group(Name="bare", Configuration={})
    assert athena.list_tags_for_resource(ResourceARN=f"{arn}bare")["Tags"] == []
    with pytest.raises(ClientError, match="InvalidRequestException"):
        athena.list_tags_for_resource(ResourceARN=f"{arn}nowhere")
    tags = [{"Key": "Project", "Value": "lake"}]
    athena.create_work_group(Name="tagged", Configuration={}, Tags=tags)
    assert athena.list_tags_for_resource(ResourceARN=f"{arn}tagged")["Tags"] == tags


def test_a_workgroup_changes(aws: Aws) -> None:
    """Settings are set and removed, those of the results too, and the others stay."""
    athena = aws.client("athena")
    results = {"OutputLocation": "s3://lake/a/", "ExpectedBucketOwner": ACCOUNT}
    settings = {"ResultConfiguration": results, "BytesScannedCutoffPerQuery": 10_000_000}
    athena.create_work_group(Name="changing", Configuration=settings, Description="old")
    athena.update_work_group(
        WorkGroup="changing", Description="new",
        ConfigurationUpdates={
            "RemoveBytesScannedCutoffPerQuery": True, "RequesterPaysEnabled": True,
            "ResultConfigurationUpdates": {
                "OutputLocation": "s3://lake/b/", "RemoveExpectedBucketOwner": True
            },
        },
    )  # fmt: skip
    group = athena.get_work_group(WorkGroup="changing")["WorkGroup"]
    told = group["Configuration"]
    assert group["Description"] == "new"
    assert told["ResultConfiguration"] == {"OutputLocation": "s3://lake/b/"}
    assert told["RequesterPaysEnabled"] is True
    assert "BytesScannedCutoffPerQuery" not in told
    with pytest.raises(ClientError, match="is not found"):
        athena.update_work_group(WorkGroup="nowhere")


def test_a_removal_that_is_not_meant_removes_nothing() -> None:
    """Terraform sends RemoveX: false for what stays."""
    assert changed({"X": 1, "Y": 2}, {"RemoveX": False, "RemoveY": True}) == {"X": 1}


def test_a_named_query_can_be_deleted(aws: Aws) -> None:
    """It is gone then, and an unknown one is an error instead of a defect."""
    athena = aws.client("athena")
    asked = {"Name": "q", "Database": "d", "QueryString": "select 1"}
    name = athena.create_named_query(**asked)["NamedQueryId"]
    assert athena.get_named_query(NamedQueryId=name)["NamedQuery"]["Name"] == "q"
    athena.delete_named_query(NamedQueryId=name)
    for call in (athena.get_named_query, athena.delete_named_query):
        with pytest.raises(ClientError, match="was not found"):
            call(NamedQueryId=name)


def grant(aws: Aws, resource: dict[str, Any], *permissions: str) -> dict[str, Any]:
    """Grant to the role; the grant, for revoking."""
    asked = {
        "Principal": {"DataLakePrincipalIdentifier": ROLE},
        "Resource": resource,
        "Permissions": list(permissions),
    }
    aws.client("lakeformation").grant_permissions(**asked)
    return asked


def listed(aws: Aws, **asked: Any) -> list[dict[str, Any]]:
    """The resources of the grants that are listed."""
    told = aws.client("lakeformation").list_permissions(**asked)["PrincipalResourcePermissions"]
    return [one["Resource"] for one in told]


def test_grants_are_listed_by_resource_and_revoked_once(aws: Aws) -> None:
    """One on columns is on the table too; revoking what is not granted is refused."""
    columns = {"TableWithColumns": {**TABLE, "ColumnNames": ["a"]}}
    every = {"Table": {"DatabaseName": "d", "TableWildcard": {}}}
    database = {"Database": {"Name": "d"}}
    rows = {"DataCellsFilter": {"TableCatalogId": ACCOUNT, "DatabaseName": "d", "TableName": "t",
                                "Name": "few"}}  # fmt: skip
    grants = [grant(aws, one, "SELECT") for one in (columns, every, rows)]
    grants.append(grant(aws, database, "DESCRIBE"))
    assert listed(aws, Resource={"Table": TABLE}) == [columns]
    assert listed(aws, Resource=every) == [every]
    assert listed(aws, Resource={"Database": {"CatalogId": ACCOUNT, "Name": "d"}}) == [database]
    assert listed(aws, Resource=rows) == [rows]
    assert listed(aws, Resource={"Database": {"Name": "other"}}) == []
    assert len(listed(aws, ResourceType="TABLE")) == 2
    other = {"DataLakePrincipalIdentifier": ROLE + "s"}
    assert listed(aws, Resource=database, Principal=other) == []
    for given in grants:
        aws.client("lakeformation").revoke_permissions(**given)
        with pytest.raises(ClientError, match="No permissions revoked"):
            aws.client("lakeformation").revoke_permissions(**given)
    assert listed(aws) == []


def test_a_data_cells_filter_is_kept(aws: Aws) -> None:
    """Made, told, changed, listed and deleted; made twice or without columns it is refused."""
    lake = aws.client("lakeformation")
    key = {"TableCatalogId": ACCOUNT, "DatabaseName": "d", "TableName": "t", "Name": "few"}
    asked = {**key, "RowFilter": {"FilterExpression": "a = 1"}, "ColumnNames": ["a"]}
    lake.create_data_cells_filter(TableData=asked)
    with pytest.raises(ClientError, match="AlreadyExists"):
        lake.create_data_cells_filter(TableData=asked)
    with pytest.raises(ClientError, match="InvalidInput"):
        lake.create_data_cells_filter(TableData={**key, "Name": "other"})
    lake.update_data_cells_filter(TableData={**asked, "ColumnNames": ["a", "b"]})
    told = lake.get_data_cells_filter(**key)["DataCellsFilter"]
    assert (told["ColumnNames"], told["RowFilter"]) == (["a", "b"], asked["RowFilter"])
    table = {"CatalogId": ACCOUNT, "DatabaseName": "d", "Name": "t"}
    assert lake.list_data_cells_filter(Table=table)["DataCellsFilters"] == [told]
    lake.delete_data_cells_filter(**key)
    assert lake.list_data_cells_filter()["DataCellsFilters"] == []
    with pytest.raises(ClientError, match="EntityNotFound"):
        lake.get_data_cells_filter(**key)


def test_a_location_says_whether_its_access_is_hybrid(aws: Aws) -> None:
    """As it was registered, so that a second plan has nothing to do."""
    lake, arn = aws.client("lakeformation"), "arn:aws:s3:::lake/warehouse"
    lake.register_resource(ResourceArn=arn, RoleArn=ROLE, HybridAccessEnabled=True)
    told = lake.describe_resource(ResourceArn=arn)["ResourceInfo"]
    assert (told["RoleArn"], told["HybridAccessEnabled"]) == (ROLE, True)
    lake.deregister_resource(ResourceArn=arn)
    with pytest.raises(ClientError, match="EntityNotFound"):
        lake.describe_resource(ResourceArn=arn)


def test_an_opt_in_is_kept(aws: Aws) -> None:
    """Made, listed by principal and resource, and deleted once."""
    lake = aws.client("lakeformation")
    who = {"DataLakePrincipalIdentifier": ROLE}
    asked: dict[str, Any] = {
        "Principal": who,
        "Resource": {"Table": {"DatabaseName": "d", "TableWildcard": {}}},
    }
    lake.create_lake_formation_opt_in(**asked)
    other = {"DatabaseName": "e", "TableWildcard": {}}
    nobody = {"DataLakePrincipalIdentifier": ROLE + "s"}
    asks: list[tuple[dict[str, Any], int]] = [({}, 1), (asked, 1), ({"Principal": nobody}, 0)]
    for question, wanted in (*asks, ({"Resource": {"Table": other}}, 0)):
        told = lake.list_lake_formation_opt_ins(**question)["LakeFormationOptInsInfoList"]
        assert len(told) == wanted, question
    lake.delete_lake_formation_opt_in(**asked)
    assert lake.list_lake_formation_opt_ins()["LakeFormationOptInsInfoList"] == []
    with pytest.raises(ClientError, match="EntityNotFound"):
        lake.delete_lake_formation_opt_in(**asked)


def test_a_stream_keeps_the_tags_it_is_created_with(aws: Aws) -> None:
    """As Terraform's default tags are set."""
    kinesis, name = aws.client("kinesis"), f"stream-{next(_NUMBERS)}"
    kinesis.create_stream(StreamName=name, ShardCount=1, Tags={"Project": "lake"})
    told = kinesis.list_tags_for_stream(StreamName=name)["Tags"]
    assert told == [{"Key": "Project", "Value": "lake"}]


def test_records_put_at_once_get_numbers_of_their_own(aws: Aws) -> None:
    """Kinesis loses none of them (plain moto can)."""
    from moto.kinesis.models import kinesis_backends  # noqa: PLC0415

    name = f"stream-{next(_NUMBERS)}"
    aws.client("kinesis").create_stream(StreamName=name, ShardCount=1)
    [shard] = kinesis_backends[ACCOUNT][REGION].streams[name].shards.values()
    second = threading.Thread(target=shard.put_record, args=("b", "2", ""))
    highest = shard.get_max_sequence_number

    def in_the_middle() -> Any:
        found = highest()
        if not second.ident:
            second.start()
            second.join(0.2)
        return found

    shard.put_record("a", "0", "")
    shard.get_max_sequence_number = in_the_middle
    shard.put_record("a", "1", "")
    second.join()
    assert len(shard.records) == 3
