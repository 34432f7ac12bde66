# The role of one program: who may take it on, and only on whose behalf; what it may do; which keys
# it may use, and only by which service. Keys are a policy of their own, because their ARNs are not
# known before they exist, and everything else is to be read in the first plan.

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${var.service}.amazonaws.com"]
    }

    # A service may be asked by another account to use this role: not for that one.
    dynamic "condition" {
      for_each = length(var.source_arns) > 0 ? [var.account] : []

      content {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [condition.value]
      }
    }
    dynamic "condition" {
      for_each = length(var.source_arns) > 0 ? [var.source_arns] : []

      content {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = condition.value
      }
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = var.description
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.boundary_arn
}

resource "aws_iam_role_policy" "this" {
  name   = "program"
  role   = aws_iam_role.this.id
  policy = var.policy
}

data "aws_iam_policy_document" "keys" {
  count = length(var.keys) > 0 ? 1 : 0

  dynamic "statement" {
    for_each = var.keys

    content {
      # Nobody stores a secret here: they only read it.
      actions = concat(
        ["kms:Decrypt"],
        statement.key == "secretsmanager" ? [] : ["kms:GenerateDataKey"],
      )
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["${statement.key}.${var.region}.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_role_policy" "keys" {
  count = length(var.keys) > 0 ? 1 : 0

  name   = "keys"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.keys[0].json
}
