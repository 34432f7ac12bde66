# What is watched. Missing data is no fault, but for the alarms that wait for data.

locals {
  pipeline_dimension = { StateMachineArn = local.state_machine_arn }
  firehose_dimension = { DeliveryStreamName = local.stream_name }
  functions = toset(concat(
    ["ingest", "land", "tables", "transform", "observe"], tolist([for each in local.slack : "notify"]),
  ))
  # How late a commit may be: the buffer, its like for a retry, and Firehose's own work.
  stale_seconds = 2 * var.stream_buffer_seconds + 1200

  # One or more of something within five minutes.
  faults = merge(
    {
      pipeline-failed    = ["AWS/States", "ExecutionsFailed", local.pipeline_dimension, "An execution failed; the topic's other message says why."]
      pipeline-timed-out = ["AWS/States", "ExecutionsTimedOut", local.pipeline_dimension, "An execution took too long."]
      pipe-failed        = ["AWS/EventBridge/Pipes", "ExecutionFailed", { PipeName = "${local.name}-bronze" }, "The pipe could not start an execution."]
      stream-failed-rows = ["AWS/Firehose", "DeliveryToIceberg.FailedRowCount", local.firehose_dimension, "Rows went to firehose-errors/: lake rejected."]
      stream-throttled   = ["AWS/Firehose", "ThrottledRecords", local.firehose_dimension, "Firehose took fewer records than it was given."]
      schedule-dropped   = ["AWS/Scheduler", "InvocationDroppedCount", { ScheduleGroup = local.name }, "A schedule's call was given up; see the queue ${local.name}-calls-dlq."]
      rule-failed-raw    = ["AWS/Events", "FailedInvocations", { RuleName = "${local.name}-raw" }, "An event of the drop zone was not delivered."]
      rule-failed-bronze = ["AWS/Events", "FailedInvocations", { RuleName = "${local.name}-bronze" }, "An event of a bronze file was not delivered."]
    },
    {
      for function in local.functions : "function-${function}" =>
      ["AWS/Lambda", "Errors", { FunctionName = "${local.name}-${function}" }, "The function failed: its log group is /aws/lambda/${local.name}-${function}."]
    },
    {
      for queue in keys(aws_sqs_queue.dead) : "queue-${queue}" =>
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", { QueueName = "${local.name}-${queue}" }, "Messages that failed for good wait in ${local.name}-${queue}."]
    },
  )
  # More than so many seconds.
  delays = {
    stream-stale = ["AWS/Firehose", "DeliveryToIceberg.DataFreshness", local.firehose_dimension, local.stale_seconds, "The stream's oldest record waits too long."]
    queue-raw    = ["AWS/SQS", "ApproximateAgeOfOldestMessage", { QueueName = "${local.name}-raw" }, 7200, "Dropped files are not landed."]
    queue-bronze = ["AWS/SQS", "ApproximateAgeOfOldestMessage", { QueueName = "${local.name}-bronze" }, 3600, "Bronze files start no run."]
  }
  # Less than one in so many hours.
  silences = {
    no-data-stream = local.kinesis ? [
      "AWS/Firehose", "DataReadFromKinesisStream.Records", local.firehose_dimension, var.no_data_hours, "No weather arrives in the stream.",
      ] : [
      "AWS/Firehose", "IncomingRecords", local.firehose_dimension, var.no_data_hours, "No weather arrives in the stream.",
    ]
    no-data-bronze = ["AWS/Events", "Invocations", { RuleName = "${local.name}-bronze" }, var.no_data_hours, "No bronze file arrives."]
    no-run         = ["AWS/States", "ExecutionsSucceeded", local.pipeline_dimension, 24, "No execution succeeded for a day."]
  }
}

resource "aws_cloudwatch_metric_alarm" "fault" {
  for_each = local.faults

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value[3]
  namespace           = each.value[0]
  metric_name         = each.value[1]
  dimensions          = each.value[2]
  statistic           = startswith(each.key, "queue-") ? "Maximum" : "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
}

resource "aws_cloudwatch_metric_alarm" "delay" {
  for_each = local.delays

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value[4]
  namespace           = each.value[0]
  metric_name         = each.value[1]
  dimensions          = each.value[2]
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value[3]
  period              = 300
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
}

resource "aws_cloudwatch_metric_alarm" "silence" {
  for_each = local.silences

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value[4]
  namespace           = each.value[0]
  metric_name         = each.value[1]
  dimensions          = each.value[2]
  statistic           = "Sum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 3600
  evaluation_periods  = each.value[3]
  # Nothing at all is what it waits for.
  treat_missing_data = "breaching"
  alarm_actions      = [aws_sns_topic.alerts.arn]
  ok_actions         = [aws_sns_topic.alerts.arn]
}
