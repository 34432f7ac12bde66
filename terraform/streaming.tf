# Current weather: asked for every half hour, put into Firehose, transformed, and committed to a
# bronze table that Firehose alone writes. A silver job MERGEs it from there, exactly once.

locals {
  kinesis = var.stream_source == "kinesis"
  stream_environment = {
    LAKE_STREAM = local.stream_name
    # Which of the two services the stream belongs to.
    LAKE_STREAM_SOURCE = var.stream_source
  }
}

resource "aws_kinesis_stream" "this" {
  count = local.kinesis ? 1 : 0

  name             = local.stream_name
  retention_period = var.stream_retention_hours
  encryption_type  = "KMS"
  kms_key_id       = aws_kms_key.this["data"].arn

  stream_mode_details {
    stream_mode = "ON_DEMAND"
  }
}

data "aws_iam_policy_document" "observe" {
  statement {
    sid = "Put"
    actions = (
      local.kinesis
      ? ["kinesis:PutRecord", "kinesis:PutRecords"]
      : ["firehose:PutRecord", "firehose:PutRecordBatch"]
    )
    resources = [local.kinesis ? local.kinesis_arn : local.firehose_arn]
  }
}

module "observe" {
  source = "./modules/function"

  name        = "${local.name}-observe"
  description = "Asks for current weather and puts the answer into the stream."
  handler     = "streaming.functions.observe"
  code_key    = aws_s3_object.code[local.code_keys.streaming].key
  environment = merge(local.environment, local.stream_environment, {
    LAKE_SECRET_ID = aws_secretsmanager_secret.sources.name
  })
  dead_letter_arn = local.queue_arns["calls-dlq"]
  policies        = [data.aws_iam_policy_document.observe.json, data.aws_iam_policy_document.sources.json]
  keys = merge(
    {
      secretsmanager = aws_kms_key.this["secrets"].arn
      sqs            = aws_kms_key.this["messages"].arn
    },
    local.kinesis ? { kinesis = aws_kms_key.this["data"].arn } : {},
  )
  context = local.function_context
}

resource "aws_scheduler_schedule" "observe" {
  name                         = "${local.name}-observe"
  description                  = "Asks for current weather."
  group_name                   = aws_scheduler_schedule_group.this.name
  schedule_expression          = var.weather_schedule
  schedule_expression_timezone = var.schedule_timezone
  kms_key_arn                  = aws_kms_key.this["messages"].arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.observe.arn
    role_arn = module.scheduler_role.arn
    input    = jsonencode({})

    retry_policy {
      maximum_event_age_in_seconds = 900
      maximum_retry_attempts       = 2
    }
    dead_letter_config {
      arn = aws_sqs_queue.dead["calls-dlq"].arn
    }
  }

  depends_on = [aws_kinesis_firehose_delivery_stream.this]
}

module "transform" {
  source = "./modules/function"

  name            = "${local.name}-transform"
  description     = "Gives Firehose's records the stream table's columns and types."
  handler         = "streaming.functions.transform"
  code_key        = aws_s3_object.code[local.code_keys.streaming].key
  environment     = local.environment
  timeout_seconds = 120
  memory_mb       = 512
  context         = local.function_context
}
