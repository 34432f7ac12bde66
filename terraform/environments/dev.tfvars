environment        = "dev"
log_retention_days = 14
noncurrent_days    = 7
result_days        = 14
budget_limit_usd   = 60
# A development lake may be destroyed with all it holds.
force_destroy = true
