# Events and schedules that make runs: bronze file → rule → queue → pipe that gathers → execution;
# daily → execution. An execution waits for its job runs (.sync) and says why one failed.

resource "aws_cloudwatch_log_group" "pipeline" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is the operator's choice (log_retention_days).
  name              = "/aws/vendedlogs/states/${local.name}-pipeline"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this["logs"].arn
}

locals {
  # The id is AWS's, and a slash follows the colon.
  application_arn = "${local.arn_of["emr-serverless"]}:/applications/${aws_emrserverless_application.this.id}"
}

data "aws_iam_policy_document" "pipeline" {
  #checkov:skip=CKV_AWS_111:The log delivery calls know no resource.
  #checkov:skip=CKV_AWS_356:The log delivery calls know no resource.
  statement {
    sid       = "Run"
    actions   = ["emr-serverless:StartJobRun"]
    resources = [local.application_arn]
  }

  statement {
    sid = "Follow"
    actions = [
      "emr-serverless:CancelJobRun", "emr-serverless:GetJobRun", "emr-serverless:TagResource",
    ]
    resources = ["${local.application_arn}/jobruns/*"]
  }

  statement {
    sid       = "Pass"
    actions   = ["iam:PassRole"]
    resources = ["${local.role_arn}/${local.name}-job"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["emr-serverless.amazonaws.com"]
    }
  }

  statement {
    sid = "Wait"
    # The managed rule by which .sync hears of a job run's end.
    actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    resources = ["${local.arn_of["events"]}:rule/StepFunctionsGetEventsForEMRServerlessJobRule"]
  }

  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]
  }

  statement {
    sid = "LogDelivery"
    actions = [
      "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries",
      "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
    ]
    # The log delivery calls know no resource.
    resources = ["*"]
  }
}

module "pipeline_role" {
  source = "./modules/role"

  name         = "${local.name}-pipeline"
  description  = "State machine ${local.name}-pipeline."
  service      = "states"
  source_arns  = [local.state_machine_arn]
  policy       = data.aws_iam_policy_document.pipeline.json
  account      = local.role_context.account
  region       = local.role_context.region
  boundary_arn = local.role_context.boundary_arn
  keys         = { sns = aws_kms_key.this["messages"].arn }
}

locals {
  # A run may wait half an hour for capacity; the machine for two runs.
  task_seconds = (var.run_timeout_minutes + 30) * 60
  definition = templatefile("${path.module}/pipeline.asl.json.tftpl", {
    name            = local.name
    partition       = local.partition
    requests        = local.run_requests
    task_seconds    = local.task_seconds
    machine_seconds = 2 * local.task_seconds + 600
    topic_arn       = local.topic_arn
    logs            = "s3://${local.buckets.results}/emr-logs/applications/${aws_emrserverless_application.this.id}/jobs/"
  })
}

resource "aws_sfn_state_machine" "pipeline" {
  #checkov:skip=CKV_AWS_284:Runs are told by their logs and receipts; X-Ray would need a right on every resource.
  name       = "${local.name}-pipeline"
  role_arn   = module.pipeline_role.arn
  type       = "STANDARD"
  definition = local.definition

  logging_configuration {
    include_execution_data = true
    level                  = "ERROR"
    log_destination        = "${aws_cloudwatch_log_group.pipeline.arn}:*"
  }

  depends_on = [aws_lambda_invocation.tables, module.job_role, aws_sns_topic_policy.alerts]
}

resource "aws_cloudwatch_event_rule" "bronze" {
  name        = "${local.name}-bronze"
  description = "A bronze file was written."
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [local.buckets.lake] }
      object = { key = [{ prefix = "bronze/" }], size = [{ numeric = [">", 0] }] }
    }
  })

  depends_on = [aws_lambda_invocation.tables]
}

resource "aws_cloudwatch_event_target" "bronze" {
  rule      = aws_cloudwatch_event_rule.bronze.name
  target_id = "queue"
  arn       = aws_sqs_queue.this["bronze"].arn

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}

data "aws_iam_policy_document" "pipe" {
  statement {
    sid       = "Take"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [local.queue_arns.bronze]
  }

  statement {
    sid       = "Start"
    actions   = ["states:StartExecution"]
    resources = [local.state_machine_arn]
  }
}

module "pipe_role" {
  source = "./modules/role"

  name         = "${local.name}-pipe"
  description  = "Pipe ${local.name}-bronze."
  service      = "pipes"
  source_arns  = [local.pipe_arn]
  policy       = data.aws_iam_policy_document.pipe.json
  account      = local.role_context.account
  region       = local.role_context.region
  boundary_arn = local.role_context.boundary_arn
  keys         = { sqs = aws_kms_key.this["messages"].arn }
}

resource "aws_pipes_pipe" "bronze" {
  name        = "${local.name}-bronze"
  description = "Gathers bronze files into one execution."
  role_arn    = module.pipe_role.arn
  source      = aws_sqs_queue.this["bronze"].arn
  target      = aws_sfn_state_machine.pipeline.arn

  source_parameters {
    sqs_queue_parameters {
      batch_size                         = var.batch_files
      maximum_batching_window_in_seconds = var.batch_seconds
    }
  }

  target_parameters {
    step_function_state_machine_parameters {
      invocation_type = "FIRE_AND_FORGET"
    }
  }
}

# What starts the state machine by the clock.
locals {
  timed_runs = {
    daily = {
      description = "Silver, then gold."
      cron        = var.schedule_cron
      input       = jsonencode({ gold = true })
    }
    maintenance = {
      description = "Compaction, expiry and orphans, by need; nothing else maintains these tables."
      cron        = var.maintenance_cron
      input       = jsonencode({ groups = ["maintenance"] })
    }
  }
}

resource "aws_scheduler_schedule" "run" {
  for_each = local.timed_runs

  name                         = "${local.name}-${each.key}"
  description                  = each.value.description
  group_name                   = aws_scheduler_schedule_group.this.name
  schedule_expression          = each.value.cron
  schedule_expression_timezone = var.schedule_timezone
  kms_key_arn                  = aws_kms_key.this["messages"].arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.pipeline.arn
    role_arn = module.scheduler_role.arn
    input    = each.value.input

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 3
    }
    dead_letter_config {
      arn = aws_sqs_queue.dead["calls-dlq"].arn
    }
  }
}
