# Where events wait: for the landing function (raw) and for a run (bronze), each with the queue of
# what failed too often; and the queue of scheduled and asynchronous calls that failed for good.

locals {
  queues = {
    # Six times the landing function's time-out, as Lambda asks for.
    raw = { visibility_seconds = 5400, tries = 5 }
    # Six times the longest the pipe may gather.
    bronze = { visibility_seconds = 1800, tries = 5 }
  }
}

resource "aws_sqs_queue" "dead" {
  for_each = toset(["raw-dlq", "bronze-dlq", "calls-dlq"])

  name                      = "${local.name}-${each.key}"
  message_retention_seconds = 1209600
  kms_master_key_id         = aws_kms_key.this["messages"].arn
}

resource "aws_sqs_queue" "this" {
  for_each = local.queues

  name                       = "${local.name}-${each.key}"
  visibility_timeout_seconds = each.value.visibility_seconds
  message_retention_seconds  = 1209600
  kms_master_key_id          = aws_kms_key.this["messages"].arn
  # Set here and not by a resource of its own, for each of them waits until SQS has settled.
  policy = data.aws_iam_policy_document.queue[each.key].json
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead["${each.key}-dlq"].arn
    maxReceiveCount     = each.value.tries
  })
}

data "aws_iam_policy_document" "queue" {
  for_each = local.queues

  statement {
    sid       = "Rule"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arns[each.key]]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.rule_arns[each.key]]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  statement {
    sid       = "EncryptedTransportOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [local.queue_arns[each.key]]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
