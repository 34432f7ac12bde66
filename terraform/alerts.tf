# Who hears of a failure: one topic; its subscribers are e-mail addresses, and Slack by a function.

resource "aws_sns_topic" "alerts" {
  name              = "${local.name}-alerts"
  kms_master_key_id = aws_kms_key.this["messages"].arn
}

data "aws_iam_policy_document" "alerts" {
  statement {
    sid       = "Account"
    actions   = ["sns:Publish", "sns:Subscribe", "sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:DeleteTopic"]
    resources = [local.topic_arn]

    principals {
      type        = "AWS"
      identifiers = [local.root_arn]
    }
  }

  statement {
    sid       = "Services"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]

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

  statement {
    sid       = "EncryptedTransportOnly"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]

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

resource "aws_sns_topic_policy" "alerts" {
  arn    = aws_sns_topic.alerts.arn
  policy = data.aws_iam_policy_document.alerts.json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.alert_emails

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = each.key
}

locals {
  slack = var.slack_secret_arn == "" ? toset([]) : toset(["slack"])
}

data "aws_iam_policy_document" "notify" {
  for_each = local.slack

  statement {
    sid       = "Webhook"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.slack_secret_arn]
  }
}

module "notify" {
  source   = "./modules/function"
  for_each = local.slack

  name            = "${local.name}-notify"
  description     = "Tells Slack what the alert topic says."
  handler         = "notify.functions.notify"
  code_key        = aws_s3_object.code[local.code_keys.notify].key
  environment     = { LAKE_SLACK_SECRET_ID = var.slack_secret_arn }
  timeout_seconds = 30
  dead_letter_arn = local.queue_arns["calls-dlq"]
  policies        = [data.aws_iam_policy_document.notify["slack"].json]
  keys = merge(
    { sqs = aws_kms_key.this["messages"].arn },
    var.slack_secret_key_arn == "" ? {} : { secretsmanager = var.slack_secret_key_arn },
  )
  context = local.function_context
}

resource "aws_lambda_permission" "notify" {
  for_each = local.slack

  statement_id   = "topic"
  action         = "lambda:InvokeFunction"
  function_name  = module.notify["slack"].name
  principal      = "sns.amazonaws.com"
  source_arn     = aws_sns_topic.alerts.arn
  source_account = local.account
}

resource "aws_sns_topic_subscription" "slack" {
  for_each = local.slack

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "lambda"
  endpoint  = module.notify["slack"].arn

  depends_on = [aws_lambda_permission.notify]
}

# The state machine tells of its own runs; this rule catches runs started by other ways. The event
# has neither the job's name nor the reason, so the message says how to ask for them.
resource "aws_cloudwatch_event_rule" "run_failed" {
  name        = "${local.name}-run-failed"
  description = "A job run failed that the state machine did not start."
  event_pattern = jsonencode({
    source      = ["aws.emr-serverless"]
    detail-type = ["EMR Serverless Job Run State Change"]
    detail = {
      applicationId = [aws_emrserverless_application.this.id]
      state         = ["FAILED"]
      createdBy = [{
        anything-but = { prefix = "arn:${local.partition}:sts::${local.account}:assumed-role/${local.name}-pipeline/" }
      }]
    }
  })
}

resource "aws_cloudwatch_event_target" "run_failed" {
  rule      = aws_cloudwatch_event_rule.run_failed.name
  target_id = "topic"
  arn       = aws_sns_topic.alerts.arn

  input_transformer {
    input_paths = {
      run  = "$.detail.jobRunId"
      who  = "$.detail.createdBy"
      time = "$.detail.updatedAt"
    }
    input_template = <<-JSON
      {"lakehouse": "${local.name}", "job": "started by <who>", "run": "<run>", "why": "FAILED at <time>; the reason: lake logs <run>", "log": "s3://${local.buckets.results}/emr-logs/applications/${aws_emrserverless_application.this.id}/jobs/<run>/"}
    JSON
  }

  depends_on = [aws_sns_topic_policy.alerts]
}
