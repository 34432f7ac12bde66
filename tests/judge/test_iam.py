"""The judge of rights: what must be denied is denied, and what it cannot read it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deployed.iam import Ask, Role, UnreadableError, statements

BUCKET = "arn:aws:s3:::lake"


def policy(*told: dict[str, Any]) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(told)}


def allow(actions: str | list[str], resources: str | list[str], **more: Any) -> dict[str, Any]:
    """A statement that allows."""
    return {"Sid": "S", "Effect": "Allow", "Action": actions, "Resource": resources, **more}


def deny(action: str, resource: str) -> dict[str, Any]:
    """A statement that denies."""
    return {"Effect": "Deny", "Action": action, "Resource": resource}


def role(*told: dict[str, Any], boundary: dict[str, Any] | None = None) -> Role:
    """A role with this policy."""
    bounds = None if boundary is None else statements(policy(boundary))
    return Role("r", (), statements(policy(*told)), bounds)


def is_allowed(found: Role, action: str, resource: str, **context: str) -> bool:
    """What the judge says."""
    known = {key.replace("_", ":", 1): value for key, value in context.items()}
    return not found.refusal(Ask(action, resource, known))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", f"{BUCKET}/warehouse/t/1"),
        ("S3:getobject", f"{BUCKET}/warehouse/"),
        ("s3:GetObjectTagging", f"{BUCKET}/warehouse/a:b:c"),
    ],
)
def test_a_wildcard_allows_what_it_covers(action: str, resource: str) -> None:
    """Actions are compared without case, and a resource's own part may hold colons."""
    assert is_allowed(role(allow("s3:GetObject*", f"{BUCKET}/warehouse/*")), action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:PutObject", f"{BUCKET}/warehouse/t"),  # another action
        ("s3:GetObject", f"{BUCKET}/raw/t"),  # another folder
        ("s3:GetObject", f"{BUCKET}"),  # the bucket is not what is in it
        ("s3:GetObject", f"{BUCKET}-other/warehouse/t"),  # another bucket
        ("s3:GetObject", f"{BUCKET}/Warehouse/t"),  # resources have case
        ("s3:GetObject", "arn:aws-cn:s3:::lake/warehouse/t"),  # another partition
    ],
)
def test_what_is_not_allowed_is_denied(action: str, resource: str) -> None:
    """Nothing is allowed that no statement covers."""
    assert not is_allowed(role(allow("s3:GetObject", f"{BUCKET}/warehouse/*")), action, resource)


def test_a_denial_wins() -> None:
    """An explicit denial is stronger than any allowance, wherever it stands."""
    found = role(allow("s3:*", "*"), deny("s3:Delete*", f"{BUCKET}/bronze/*"))
    assert is_allowed(found, "s3:DeleteObject", f"{BUCKET}/raw/a")
    assert not is_allowed(found, "s3:DeleteObject", f"{BUCKET}/bronze/a")


def test_a_boundary_only_takes_away() -> None:
    """What the boundary does not allow is denied, and it gives nothing by itself."""
    found = role(allow("s3:GetObject", "*"), boundary=allow("s3:*", f"{BUCKET}/*"))
    assert is_allowed(found, "s3:GetObject", f"{BUCKET}/a")
    assert not is_allowed(found, "s3:GetObject", "arn:aws:s3:::other/a")
    assert not is_allowed(found, "s3:PutObject", f"{BUCKET}/a")


def test_a_condition_must_be_met() -> None:
    """A wrong value is no fit, nor is one that the request does not tell."""
    told = {"StringLike": {"s3:prefix": ["bronze/*", "raw/*"]}}
    found = role(allow("s3:ListBucket", BUCKET, Condition=told))
    assert is_allowed(found, "s3:ListBucket", BUCKET, s3_prefix="raw/emt")
    assert not is_allowed(found, "s3:ListBucket", BUCKET, s3_prefix="warehouse/")
    assert not is_allowed(found, "s3:ListBucket", BUCKET)


def test_every_condition_must_be_met() -> None:
    """Several keys are joined by and, several values of one by or."""
    told = {
        "StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"},
        "ArnLike": {"aws:SourceArn": "arn:aws:sqs:*:1:lake-*"},
        "Bool": {"aws:SecureTransport": "true"},
    }
    found = role(allow("kms:Decrypt", "arn:aws:kms:eu-west-1:1:key/k", Condition=told))
    asked = ("kms:Decrypt", "arn:aws:kms:eu-west-1:1:key/k")
    met = {
        "kms_ViaService": "s3.eu-west-1.amazonaws.com",
        "aws_SourceArn": "arn:aws:sqs:eu-west-1:1:lake-raw",
        "aws_SecureTransport": "True",
    }
    assert is_allowed(found, *asked, **met)
    for key in met:
        assert not is_allowed(found, *asked, **{**met, key: "other"}), key
        assert not is_allowed(found, *asked, **{k: v for k, v in met.items() if k != key}), key


def test_a_wildcard_stays_in_its_part() -> None:
    """`*` in an ARN's region does not reach over the colon into the account."""
    found = role(allow("sqs:SendMessage", "arn:aws:sqs:*:lake-raw"))
    assert not is_allowed(found, "sqs:SendMessage", "arn:aws:sqs:eu-west-1:1:lake-raw")


@pytest.mark.parametrize(
    "told",
    [
        {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:*", "NotResource": "*"},
        allow("s3:*", "*", Condition={"StringNotEquals": {"s3:prefix": "a"}}),
        allow("s3:*", "*", Condition={"ForAllValues:StringEquals": {"s3:prefix": "a"}}),
        allow("s3:*", "*", Condition={"StringEqualsIfExists": {"s3:prefix": "a"}}),
        allow("s3:*", "arn:aws:s3:::lake/${aws:username}/*"),
        {**allow("s3:*", "*"), "Effect": "Perhaps"},
    ],
)
def test_what_it_does_not_know_it_refuses(told: dict[str, Any]) -> None:
    """An element, operator or variable that is not implemented is an error, not a guess."""
    with pytest.raises(UnreadableError):
        statements(policy(told))


def test_rights_that_nobody_used_are_told() -> None:
    """A right counts as used only if the call went through its own statement."""
    found = role(
        {**allow(["s3:GetObject", "s3:PutObject"], f"{BUCKET}/a/*"), "Sid": "A"},
        {**allow("s3:GetObject", f"{BUCKET}/b/*"), "Sid": "B"},
        {**allow("kms:Decrypt", "*", Condition={"Bool": {"a:b": "true"}}), "Sid": ""},
    )
    assert found.unused([Ask("s3:GetObject", f"{BUCKET}/a/1")]) == [
        "A: s3:PutObject",
        "B: s3:GetObject",
        "true: kms:Decrypt",
    ]
