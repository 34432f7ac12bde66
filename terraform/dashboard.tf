# One page: does data arrive, do runs end well, does anything wait.

locals {
  # title → rows of [namespace, metric, dimension, value].
  charts = {
    "Records of the stream" = [
      ["AWS/Firehose", local.silences.no-data-stream[1], "DeliveryStreamName", local.stream_name],
      ["AWS/Firehose", "DeliveryToIceberg.SuccessfulRowCount", "DeliveryStreamName", local.stream_name],
      ["AWS/Firehose", "DeliveryToIceberg.FailedRowCount", "DeliveryStreamName", local.stream_name],
    ]
    "Files" = [
      ["AWS/Events", "Invocations", "RuleName", "${local.name}-raw"],
      ["AWS/Events", "Invocations", "RuleName", "${local.name}-bronze"],
    ]
    "Runs" = [
      for metric in ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut"] :
      ["AWS/States", metric, "StateMachineArn", local.state_machine_arn]
    ]
    "Waiting" = [
      for queue in keys(local.queue_arns) :
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${local.name}-${queue}"]
    ]
    "Functions that failed" = [
      for function in local.functions : ["AWS/Lambda", "Errors", "FunctionName", "${local.name}-${function}"]
    ]
    "vCPU of EMR Serverless" = [
      ["AWS/Usage", "ResourceCount", "Service", "EMR Serverless", "Resource", "vCPU", "Type", "Resource", "Class", "None"],
    ]
  }
  chart_titles = keys(local.charts)
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name
  dashboard_body = jsonencode({
    widgets = [
      for position, title in local.chart_titles : {
        type   = "metric"
        x      = 12 * (position % 2)
        y      = 6 * floor(position / 2)
        width  = 12
        height = 6
        properties = {
          title   = title
          metrics = local.charts[title]
          region  = var.region
          stat    = contains(["Waiting", "vCPU of EMR Serverless"], title) ? "Maximum" : "Sum"
          period  = 300
        }
      }
    ]
  })
}
