# Each validation refuses a wrong value. A run gives many variables one wrong value each, because
# starting the provider costs more than the plan. Where a validation reads another variable, that one
# is right in the same run: it would be judged first, and alone.

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.this
  values = {
    account_id = "111122223333"
  }
}

# Its plan would ask AWS to validate the definition.
override_resource {
  target          = aws_sfn_state_machine.pipeline
  override_during = plan
  values = {
    arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:lakehouse-dev-pipeline"
  }
}

variables {
  environment      = "dev"
  contracts_digest = "0123456789ab"
  artifacts = {
    jobs      = { path = "build/lake.zip", sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }
    entry     = { path = "build/main.py", sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }
    ingestion = { path = "build/ingestion.zip", sha256 = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc" }
    tables    = { path = "build/tables.zip", sha256 = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd" }
    streaming = { path = "build/streaming.zip", sha256 = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee" }
    notify    = { path = "build/notify.zip", sha256 = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" }
  }
  spark_conf = {
    "spark.sql.catalog.lake"           = "org.apache.iceberg.spark.SparkCatalog"
    "spark.sql.catalog.lake.warehouse" = "s3://$${lake}/warehouse"
  }
  governed_tables = {
    "emt_gold.arrivals_weather"              = { hidden = ["source_uri"], line = "label", city = "" }
    "emt_silver.stops"                       = { hidden = [], line = "", city = "" }
    "emt_silver.lines"                       = { hidden = ["source_uri"], line = "label", city = "" }
    "emt_silver.incidents"                   = { hidden = ["source_uri"], line = "", city = "" }
    "emt_silver.arrivals_predictions"        = { hidden = ["source_uri"], line = "label", city = "" }
    "meteorology_silver.meteorology_current" = { hidden = ["source_uri"], line = "", city = "location" }
    "openweather_silver.weather_observation" = { hidden = ["source_uri"], line = "", city = "city" }
  }
}

run "wrong_words" {
  command = plan

  variables {
    prefix                = "Lake_house"
    environment           = "dev-1"
    region                = "Ireland"
    tags                  = { "no#such" = "key" }
    access_log_bucket     = "No"
    alert_emails          = ["nobody"]
    slack_secret_arn      = "slack"
    slack_secret_key_arn  = "alias/slack"
    github_repository     = "owner/*"
    contracts_digest      = "none"
    previous_code         = ["code/lake.zip"]
    weather_location      = "a place"
    openweather_cities    = "Riohacha"
    time_zone             = "CET+1"
    weather_schedule      = "every half hour"
    stream_source         = "kafka"
    analyst_principals    = ["arn:aws:iam::111122223333:role/*"]
    schedule_cron         = "0 10 * * *"
    maintenance_cron      = "rate(7 days)"
    schedule_timezone     = "madrid"
    release_label         = "emr-spark-8.0.0"
    emr_architecture      = "arm64"
    function_architecture = "ARM64"
    artifacts             = { jobs = { path = "lake.zip", sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" } }
    ingest_schedules      = { A = { source = "emt", stream = "arrivals", schedule = "rate(5 minutes)" } }
    spark_conf            = { "catalog" = "x", "spark.sql.catalog.lake.warehouse" = "s3://$${lake}/warehouse" }
    auditor_principals    = ["everybody"]
    governed_tables       = { "stops" = { hidden = [], line = "", city = "" } }
    analyst_lines         = ["'"]
    analyst_cities        = ["L'Hospitalet"]
  }

  expect_failures = [
    var.prefix, var.environment, var.region, var.tags, var.access_log_bucket, var.alert_emails, var.slack_secret_arn,
    var.slack_secret_key_arn, var.github_repository, var.contracts_digest, var.previous_code,
    var.weather_location, var.openweather_cities, var.time_zone, var.weather_schedule, var.stream_source, var.analyst_principals,
    var.schedule_cron, var.maintenance_cron, var.schedule_timezone, var.release_label, var.emr_architecture, var.function_architecture,
    var.artifacts, var.ingest_schedules, var.spark_conf, var.auditor_principals, var.governed_tables,
    var.analyst_lines, var.analyst_cities,
  ]
}

run "wrong_numbers" {
  command = plan

  variables {
    log_retention_days     = 2
    budget_limit_usd       = 0
    stream_retention_hours = 1
    stream_buffer_seconds  = 901
    stream_buffer_mb       = 0
    stream_retry_seconds   = 60
    no_data_hours          = 0
    noncurrent_days        = 0
    result_days            = 0
    query_scan_limit_mb    = 1
    delay_ratio_thresh     = 0
    wx_recent_minutes      = 1.5
    vcpu_quota             = 0
    driver                 = { cores = 3, memory_gb = 6 }
    executor               = { cores = 2, memory_gb = 15 }
    maximum_executors      = 0
    idle_minutes           = 0
    run_timeout_minutes    = 4
    run_attempts           = 0
    batch_files            = 101
    batch_seconds          = 301
  }

  expect_failures = [
    var.log_retention_days, var.budget_limit_usd, var.stream_retention_hours, var.stream_buffer_seconds,
    var.stream_buffer_mb, var.stream_retry_seconds, var.no_data_hours, var.noncurrent_days, var.result_days,
    var.query_scan_limit_mb, var.delay_ratio_thresh, var.wx_recent_minutes, var.vcpu_quota, var.driver, var.executor, var.maximum_executors, var.idle_minutes, var.run_timeout_minutes, var.run_attempts,
    var.batch_files, var.batch_seconds,
  ]
}

run "wrong_together" {
  command = plan

  variables {
    environment            = "prod"
    force_destroy          = true
    region                 = "mx-central-1"
    tags                   = { Project = "mine" }
    github_repository      = "owner/lakehouse"
    lake_formation_enabled = true
    maximum_vcpu           = 7
    lease_wait_seconds     = 3600
    spark_conf             = { "spark.jars" = "x.jar", "spark.sql.catalog.lake.warehouse" = "s3://$${lake}/warehouse" }
    artifacts = {
      for part in ["jobs", "entry", "ingestion", "tables", "streaming", "notify"] : part => { path = "x", sha256 = "short" }
    }
    ingest_schedules = { weather = { source = "weatherapi", stream = "current", schedule = "rate(30 minutes)" } }
    analyst_tables   = ["emt_silver.unknown"]
  }

  expect_failures = [
    var.force_destroy, var.region, var.tags, var.github_repository, var.lake_formation_enabled, var.maximum_vcpu,
    var.lease_wait_seconds, var.spark_conf, var.artifacts, var.ingest_schedules, var.analyst_tables,
  ]
}

run "wrong_in_other_ways" {
  command = plan

  variables {
    spark_conf       = { "spark.sql.catalog.lake.warehouse" = "s3://another/warehouse" }
    ingest_schedules = { arrivals = { source = "emt", stream = "arrivals", schedule = "hourly", timezone = "CET" } }
    maximum_vcpu     = 17
    state_bucket     = "UPPER"
  }

  expect_failures = [
    var.spark_conf, var.ingest_schedules, var.maximum_vcpu, var.state_bucket,
  ]
}

run "wrong_sources_and_sizes" {
  command = plan

  variables {
    ingest_schedules = { arrivals = { source = "EMT", stream = "arrivals", schedule = "rate(5 minutes)" } }
    driver           = { cores = 2, memory_gb = 15 }
    executor         = { cores = 3, memory_gb = 6 }
  }

  expect_failures = [var.ingest_schedules, var.driver, var.executor]
}
