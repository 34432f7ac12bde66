# The drop zone: a file put below raw/ is checked and turned into bronze by the land function.

resource "aws_cloudwatch_event_rule" "raw" {
  name        = "${local.name}-raw"
  description = "A file was dropped below raw/."
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [local.buckets.lake] }
      # A folder made in the console is an object of no size.
      object = { key = [{ prefix = "raw/" }], size = [{ numeric = [">", 0] }] }
    }
  })

  depends_on = [aws_lambda_invocation.tables]
}

resource "aws_cloudwatch_event_target" "raw" {
  rule      = aws_cloudwatch_event_rule.raw.name
  target_id = "queue"
  arn       = aws_sqs_queue.this["raw"].arn

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}

data "aws_iam_policy_document" "land" {
  statement {
    sid       = "Take"
    actions   = ["s3:GetObject", "s3:DeleteObject"]
    resources = ["${local.bucket_arns.lake}/raw/*"]
  }

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
      values   = ["raw/*", "bronze/*", "originals/*", "quarantine/*", "state/*", "leases/*"]
    }
  }

  statement {
    sid       = "Queue"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [local.queue_arns.raw]
  }
}

module "land" {
  source = "./modules/function"

  name            = "${local.name}-land"
  description     = "Checks dropped files and lands them in bronze."
  handler         = "ingestion.functions.land"
  code_key        = aws_s3_object.code[local.code_keys.ingestion].key
  environment     = local.environment
  timeout_seconds = 900
  memory_mb       = 2048
  policies        = [data.aws_iam_policy_document.land.json]
  keys = {
    s3  = aws_kms_key.this["data"].arn
    sqs = aws_kms_key.this["messages"].arn
  }
  context = local.function_context
}

resource "aws_lambda_event_source_mapping" "raw" {
  function_name    = module.land.name
  event_source_arn = aws_sqs_queue.this["raw"].arn
  batch_size       = 10
  # Only the messages that failed come back.
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 2
  }

  depends_on = [aws_lambda_invocation.tables]
}
