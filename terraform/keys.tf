# One key a purpose: who may read data need not read logs, and a disabled key stops one thing only.

locals {
  # Resource "*" of a key's policy means this key; the account's root keeps it from being orphaned
  # and lets the roles' own policies say who uses it.
  keys = {
    data     = "Tables, files, streams and query results."
    logs     = "CloudWatch log groups."
    messages = "Queues, schedules and the alert topic."
    secrets  = "Credentials of the sources."
  }
  log_groups = [
    "/aws/lambda/${local.name}-*",
    "/aws/emr-serverless/${local.name}",
    "/aws/kinesisfirehose/${local.name}-*",
    "/aws/vendedlogs/states/${local.name}-*",
  ]
}

data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:In a key's policy the resource "*" is this key, and root keeps it manageable.
  #checkov:skip=CKV_AWS_111:In a key's policy the resource "*" is this key.
  #checkov:skip=CKV_AWS_356:In a key's policy the resource "*" is this key.
  for_each = local.keys

  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.root_arn]
    }
  }

  dynamic "statement" {
    for_each = each.key == "logs" ? ["logs"] : []

    content {
      sid       = "Logs"
      actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = ["logs.${var.region}.amazonaws.com"]
      }
      condition {
        test     = "ArnLike"
        variable = "kms:EncryptionContext:aws:logs:arn"
        values   = [for group in local.log_groups : "${local.arn_of["logs"]}:log-group:${group}"]
      }
    }
  }

  dynamic "statement" {
    # Without it an alarm or event never arrives, and nobody hears that it did not.
    for_each = each.key == "messages" ? ["messages"] : []

    content {
      sid       = "Senders"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }
}

resource "aws_kms_key" "this" {
  for_each = local.keys

  description             = "${local.name}: ${each.value}"
  enable_key_rotation     = true
  deletion_window_in_days = var.force_destroy ? 7 : 30
  policy                  = data.aws_iam_policy_document.key[each.key].json
}

resource "aws_kms_alias" "this" {
  for_each = local.keys

  name          = "alias/${local.name}-${each.key}"
  target_key_id = aws_kms_key.this[each.key].key_id
}
