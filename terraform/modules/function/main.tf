# One Lambda function, its log group and its role.

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is the operator's choice (log_retention_days).
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.log_key_arn
}

data "aws_iam_policy_document" "this" {
  source_policy_documents = var.policies

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${var.context.logs_arn}:log-group:/aws/lambda/${var.name}:*"]
  }

  dynamic "statement" {
    for_each = var.dead_letter_arn == "" ? [] : [var.dead_letter_arn]

    content {
      sid       = "DeadLetters"
      actions   = ["sqs:SendMessage"]
      resources = [statement.value]
    }
  }
}

module "role" {
  source = "../role"

  name         = var.name
  description  = "Lambda function ${var.name}: ${var.description}"
  service      = "lambda"
  account      = var.context.account
  region       = var.context.region
  source_arns  = []
  policy       = data.aws_iam_policy_document.this.json
  keys         = var.keys
  boundary_arn = var.context.boundary_arn
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:Runs are told by their logs and receipts; X-Ray would need a right on every resource.
  #checkov:skip=CKV_AWS_115:A new account has 10 concurrent executions and lets none be reserved; leases keep programs apart.
  #checkov:skip=CKV_AWS_116:Functions called synchronously or from a queue have no use for a dead letter queue; the others have one.
  #checkov:skip=CKV_AWS_117:It calls the sources on the internet and AWS by public endpoints; a VPC would need a NAT.
  #checkov:skip=CKV_AWS_173:The environment holds names, never a secret.
  #checkov:skip=CKV_AWS_272:The zip's SHA-256 is in its key, and only the deploy role writes there.
  function_name = var.name
  description   = var.description
  role          = module.role.arn
  runtime       = "python3.11"
  architectures = [var.context.architecture]
  handler       = var.handler
  s3_bucket     = var.context.code_bucket
  s3_key        = var.code_key
  timeout       = var.timeout_seconds
  memory_size   = var.memory_mb

  environment {
    variables = var.environment
  }

  dynamic "dead_letter_config" {
    for_each = var.dead_letter_arn == "" ? [] : [var.dead_letter_arn]

    content {
      target_arn = dead_letter_config.value
    }
  }

  # Lambda would create it itself, without a key and for ever.
  depends_on = [aws_cloudwatch_log_group.this]
}
