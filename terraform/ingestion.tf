# Pulled sources: one schedule a stream calls the ingest function, which writes bronze files.

resource "aws_secretsmanager_secret" "sources" {
  #checkov:skip=CKV2_AWS_57:The sources' keys are issued by them; nobody here can rotate them.
  name                    = "${local.name}/sources"
  description             = "JSON with EMT_EMAIL, EMT_PASSWORD, WEATHERAPI_KEY and OPENWEATHER_API_KEY; the value is put by hand and never enters the state."
  kms_key_id              = aws_kms_key.this["secrets"].arn
  recovery_window_in_days = var.force_destroy ? 0 : 30
}

# The secret's ARN ends in six characters AWS chooses.
locals {
  sources_secret_arn = "${local.arn_of["secretsmanager"]}:secret:${local.name}/sources-??????"
}

data "aws_iam_policy_document" "sources" {
  statement {
    sid       = "Credentials"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [local.sources_secret_arn]
  }
}

data "aws_iam_policy_document" "ingest" {
  statement {
    sid     = "Land"
    actions = ["s3:GetObject", "s3:PutObject"]
    resources = [
      for folder in ["bronze", "originals", "quarantine"] : "${local.bucket_arns.lake}/${folder}/*"
    ]
  }

  statement {
    sid       = "Resume"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = [for folder in ["state", "leases"] : "${local.bucket_arns.lake}/${folder}/*"]
  }

  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arns.lake]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["bronze/*", "originals/*", "quarantine/*", "state/*", "leases/*"]
    }
  }
}

module "ingest" {
  source = "./modules/function"

  name            = "${local.name}-ingest"
  description     = "Pulls one stream of a source into bronze."
  handler         = "ingestion.functions.ingest"
  code_key        = aws_s3_object.code[local.code_keys.ingestion].key
  environment     = merge(local.environment, { LAKE_SECRET_ID = aws_secretsmanager_secret.sources.name })
  timeout_seconds = 900
  memory_mb       = 512
  dead_letter_arn = local.queue_arns["calls-dlq"]
  policies        = [data.aws_iam_policy_document.ingest.json, data.aws_iam_policy_document.sources.json]
  keys = {
    s3             = aws_kms_key.this["data"].arn
    secretsmanager = aws_kms_key.this["secrets"].arn
    sqs            = aws_kms_key.this["messages"].arn
  }
  context = local.function_context
}

resource "aws_scheduler_schedule_group" "this" {
  name = local.name
}

resource "aws_scheduler_schedule" "ingest" {
  for_each = var.ingest_schedules

  name                         = "${local.name}-${each.key}"
  description                  = "Pulls ${each.value.source}/${each.value.stream}."
  group_name                   = aws_scheduler_schedule_group.this.name
  schedule_expression          = each.value.schedule
  schedule_expression_timezone = coalesce(each.value.timezone, var.schedule_timezone)
  kms_key_arn                  = aws_kms_key.this["messages"].arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.ingest.arn
    role_arn = module.scheduler_role.arn
    input = jsonencode({
      source  = each.value.source
      stream  = each.value.stream
      options = each.value.options
    })

    retry_policy {
      maximum_event_age_in_seconds = 1800
      maximum_retry_attempts       = 2
    }
    dead_letter_config {
      arn = aws_sqs_queue.dead["calls-dlq"].arn
    }
  }

  depends_on = [aws_lambda_invocation.tables]
}

# One role for all schedules of this group: it may only call what they call.
data "aws_iam_policy_document" "scheduler" {
  statement {
    sid       = "Call"
    actions   = ["lambda:InvokeFunction"]
    resources = [local.function_arns.ingest, local.function_arns.observe]
  }

  statement {
    sid       = "Start"
    actions   = ["states:StartExecution"]
    resources = [local.state_machine_arn]
  }

  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arns["calls-dlq"]]
  }
}

module "scheduler_role" {
  source = "./modules/role"

  name        = "${local.name}-scheduler"
  description = "Schedules of ${local.name}."
  service     = "scheduler"
  # Scheduler names its group, never a single schedule.
  source_arns  = [local.schedule_group_arn]
  policy       = data.aws_iam_policy_document.scheduler.json
  account      = local.role_context.account
  region       = local.role_context.region
  boundary_arn = local.role_context.boundary_arn
  keys         = { sqs = aws_kms_key.this["messages"].arn, scheduler = aws_kms_key.this["messages"].arn }
}
