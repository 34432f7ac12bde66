# What a month may cost, told before it is spent.

resource "aws_budgets_budget" "this" {
  count = var.budget_enabled ? 1 : 0

  name         = local.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.budget_limit_usd)
  limit_unit   = "USD"

  # Counts once the tag Project is activated for cost allocation (docs/aws.md).
  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:Project$%s", local.name)]
  }

  dynamic "notification" {
    for_each = { "80" = "ACTUAL", "100" = "ACTUAL", "110" = "FORECASTED" }

    content {
      comparison_operator       = "GREATER_THAN"
      notification_type         = notification.value
      threshold                 = tonumber(notification.key)
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [aws_sns_topic.alerts.arn]
    }
  }

  depends_on = [aws_sns_topic_policy.alerts]
}
