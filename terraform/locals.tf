# Names and ARNs are computed here, not read from resources, so that every policy is whole at plan.

locals {
  name            = "${var.prefix}-${var.environment}"
  account         = data.aws_caller_identity.this.account_id
  partition       = data.aws_partition.this.partition
  database_prefix = replace(local.name, "-", "_")

  # "arn:aws:glue" + region and account: what follows is the service's own.
  arn_of = {
    for service in [
      "events", "firehose", "glue", "kinesis", "lambda", "logs", "pipes", "scheduler",
      "sns", "sqs", "states", "emr-serverless", "secretsmanager", "athena", "cloudwatch", "kms",
    ] : service => "arn:${local.partition}:${service}:${var.region}:${local.account}"
  }
  root_arn = "arn:${local.partition}:iam::${local.account}:root"
  role_arn = "arn:${local.partition}:iam::${local.account}:role"

  # The lake's own folders, and the buckets they lie in.
  buckets = {
    lake      = "${local.name}-lake-${local.account}"
    artifacts = "${local.name}-artifacts-${local.account}"
    results   = "${local.name}-results-${local.account}"
  }
  bucket_arns = { for use, bucket in local.buckets : use => "arn:${local.partition}:s3:::${bucket}" }
  lake_uri    = "s3://${local.buckets.lake}"

  databases = {
    for database in ["bronze", "emt_silver", "meteorology_silver", "openweather_silver", "emt_gold", "ops", "views"] :
    database => "${local.database_prefix}_${database}"
  }
  # Glue checks catalog, database and table: a policy that leaves one out allows nothing.
  catalog_arn = "${local.arn_of["glue"]}:catalog"
  all_glue_arns = {
    for key, database in local.databases : key => [
      "${local.arn_of["glue"]}:database/${database}",
      "${local.arn_of["glue"]}:table/${database}/*",
    ]
  }
  # The databases of tables: the analysts' views concern no program.
  glue_arns = { for key, arns in local.all_glue_arns : key => arns if key != "views" }

  stream_name        = "${local.name}-weather"
  stream_table       = "weatherapi_current"
  firehose_arn       = "${local.arn_of["firehose"]}:deliverystream/${local.stream_name}"
  kinesis_arn        = "${local.arn_of["kinesis"]}:stream/${local.stream_name}"
  topic_arn          = "${local.arn_of["sns"]}:${local.name}-alerts"
  state_machine_arn  = "${local.arn_of["states"]}:stateMachine:${local.name}-pipeline"
  schedule_group_arn = "${local.arn_of["scheduler"]}:schedule-group/${local.name}"
  pipe_arn           = "${local.arn_of["pipes"]}:pipe/${local.name}-bronze"
  function_arns = {
    for function in ["ingest", "land", "tables", "transform", "observe", "notify"] :
    function => "${local.arn_of["lambda"]}:function:${local.name}-${function}"
  }
  queue_arns = {
    for queue in ["raw", "bronze", "raw-dlq", "bronze-dlq", "calls-dlq"] :
    queue => "${local.arn_of["sqs"]}:${local.name}-${queue}"
  }
  rule_arns = {
    for rule in ["raw", "bronze", "run-failed"] : rule => "${local.arn_of["events"]}:rule/${local.name}-${rule}"
  }

  # What every program is told (lakehouse/settings.py reads it).
  environment = {
    LAKE_PLACE              = "aws"
    LAKE_HOME               = local.lake_uri
    LAKE_PREFIX             = local.database_prefix
    LAKE_WEATHER_LOCATION   = var.weather_location
    LAKE_OPENWEATHER_CITIES = var.openweather_cities
    LAKE_DELAY_RATIO_THRESH = tostring(var.delay_ratio_thresh)
    LAKE_WX_RECENT_MINUTES  = tostring(var.wx_recent_minutes)
    LAKE_TIME_ZONE          = var.time_zone
  }
}
