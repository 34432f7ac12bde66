environment        = "prod"
log_retention_days = 365
noncurrent_days    = 30
result_days        = 90
budget_limit_usd   = 100
