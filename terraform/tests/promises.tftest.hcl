# What the plan promises, with the real provider offline: policy documents are computed by it.

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

# Known before they exist, so that whatever names them can be read.
override_resource {
  target          = aws_kms_key.this
  override_during = plan
  values = {
    arn    = "arn:aws:kms:eu-west-1:111122223333:key/0"
    key_id = "0"
  }
}

override_resource {
  target          = aws_emrserverless_application.this
  override_during = plan
  values = {
    id = "00app"
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

run "by_default" {
  command = plan

  assert {
    condition     = output.databases.emt_gold == "lakehouse_dev_emt_gold" && output.databases.bronze == "lakehouse_dev_bronze"
    error_message = "Databases are <prefix>_<environment>_<name>, without hyphens."
  }
  assert {
    condition = alltrue([
      for key, database in aws_glue_catalog_database.this :
      database.location_uri == "s3://lakehouse-dev-lake-111122223333/warehouse/lakehouse_dev_${key}.db"
    ])
    error_message = "A new table lies below its database's folder of the one warehouse."
  }

  # Buckets.
  assert {
    condition = alltrue([
      for use in keys(aws_s3_bucket.this) : (
        aws_s3_bucket_versioning.this[use].versioning_configuration[0].status == "Enabled"
        && aws_s3_bucket_public_access_block.this[use].restrict_public_buckets
        && aws_s3_bucket_public_access_block.this[use].block_public_acls
        && aws_s3_bucket_public_access_block.this[use].block_public_policy
        && aws_s3_bucket_public_access_block.this[use].ignore_public_acls
        && one(aws_s3_bucket_server_side_encryption_configuration.this[use].rule).bucket_key_enabled
        && one(one(aws_s3_bucket_server_side_encryption_configuration.this[use].rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
      )
    ])
    error_message = "Every bucket is versioned, private and encrypted with our key."
  }
  assert {
    condition = alltrue(flatten([
      for policy in values(aws_s3_bucket_policy.this) : [
        for sid in ["EncryptedTransportOnly", "ModernTransportOnly", "OwnAccountOnly"] : anytrue([
          for statement in jsondecode(policy.policy).Statement :
          statement.Sid == sid && statement.Effect == "Deny" && length(statement.Resource) == 2
        ])
      ]
    ]))
    error_message = "Every bucket refuses plain HTTP, old TLS and other accounts, for itself and its objects."
  }
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this["lake"].rule :
      alltrue([for expiration in rule.expiration : coalesce(expiration.days, 0) == 0 && expiration.date == null])
      && length(rule.transition) == 0
    ])
    error_message = "No lifecycle rule expires or moves a current object of the lake."
  }
  assert {
    condition     = aws_s3_bucket_notification.lake.eventbridge
    error_message = "The lake's bucket tells EventBridge."
  }

  # Keys.
  assert {
    condition = alltrue([
      for key in values(data.aws_iam_policy_document.key) :
      jsondecode(key.json).Statement[0].Principal.AWS == "arn:aws:iam::111122223333:root"
    ])
    error_message = "A key that the account cannot manage is lost."
  }
  assert {
    condition = toset(jsondecode(data.aws_iam_policy_document.key["messages"].json).Statement[1].Principal.Service) == toset([
      "budgets.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com",
    ])
    error_message = "Without these an alarm or event silently never arrives."
  }

  # Roles.
  assert {
    condition = alltrue([
      for role in [module.job_role, module.firehose_role, module.pipeline_role, module.pipe_role, module.scheduler_role] :
      jsondecode(role.trust).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "111122223333"
      && startswith(jsondecode(role.trust).Statement[0].Condition.ArnLike["aws:SourceArn"], "arn:aws:")
    ])
    error_message = "No service may be made to use a role for another account."
  }
  assert {
    condition = toset(flatten([
      for policy in [
        module.tables.policy, module.ingest.policy, module.land.policy, module.observe.policy, module.transform.policy,
        module.job_role.policy, module.firehose_role.policy, module.pipeline_role.policy, module.pipe_role.policy,
        module.scheduler_role.policy,
        ] : [
        for statement in jsondecode(policy).Statement : statement.Action
        if contains(flatten([statement.Resource]), "*")
      ]
      ])) == toset([
      "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
    ])
    error_message = "Only the calls that know no resource may name all."
  }
  assert {
    condition = !anytrue(flatten([
      for policy in [
        module.tables.policy, module.ingest.policy, module.land.policy, module.observe.policy, module.transform.policy,
        module.job_role.policy, module.firehose_role.policy, module.pipeline_role.policy, module.pipe_role.policy,
        module.scheduler_role.policy,
        ] : [
        for statement in jsondecode(policy).Statement : [
          for action in flatten([statement.Action]) : strcontains(action, "*")
        ]
      ]
    ]))
    error_message = "A program's role names each call it makes."
  }
  assert {
    condition = !anytrue(flatten([
      for policy in [module.job_role.policy, module.firehose_role.policy] : [
        for statement in jsondecode(policy).Statement : [
          for action in flatten([statement.Action]) : contains(["glue:CreateTable", "glue:DeleteTable", "glue:CreateDatabase"], action)
        ]
      ]
    ]))
    error_message = "Jobs and Firehose do no DDL."
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(module.pipeline_role.policy).Statement :
      try(statement.Action == "iam:PassRole" && statement.Resource == "arn:aws:iam::111122223333:role/lakehouse-dev-job"
      && statement.Condition.StringEquals["iam:PassedToService"] == "emr-serverless.amazonaws.com", false)
    ])
    error_message = "Step Functions passes the job role, that one alone, to EMR Serverless alone."
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(module.pipeline_role.policy).Statement :
      toset(flatten([statement.Action])) == toset(["events:PutTargets", "events:PutRule", "events:DescribeRule"])
      && endswith(try(tostring(statement.Resource), ""), ":rule/StepFunctionsGetEventsForEMRServerlessJobRule")
    ])
    error_message = "Without its managed rule .sync never hears of a run's end."
  }

  # The application and a run.
  assert {
    condition = (
      aws_emrserverless_application.this.maximum_capacity[0].cpu == "16 vCPU"
      && length(aws_emrserverless_application.this.initial_capacity) == 0
      && aws_emrserverless_application.this.auto_stop_configuration[0].enabled
    )
    error_message = "The application fits a new account's quota, keeps no warm workers, and stops."
  }
  assert {
    condition = (
      length(regexall("spark[.]jars=", local.spark_parameters)) == 1
      && !strcontains(local.spark_parameters, "--jars")
      && strcontains(local.spark_parameters, "--conf spark.jars=/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar")
      && startswith(local.spark_parameters, "--py-files s3://lakehouse-dev-artifacts-111122223333/code/aaaa")
    )
    error_message = "The Iceberg jar is EMR's, named once; our code is one zip."
  }
  assert {
    condition = (
      strcontains(local.spark_parameters, "--conf spark.sql.catalog.lake.warehouse=s3://lakehouse-dev-lake-111122223333/warehouse")
      && strcontains(local.spark_parameters, "--conf spark.dynamicAllocation.maxExecutors=3")
      && strcontains(local.spark_parameters, "--conf spark.emr-serverless.driverEnv.LAKE_DELAY_RATIO_THRESH=1.3")
      && strcontains(local.spark_parameters, "--conf spark.emr-serverless.driverEnv.LAKE_WX_RECENT_MINUTES=60")
      && strcontains(local.spark_parameters, "--conf spark.emr-serverless.driverEnv.LAKE_PREFIX=lakehouse_dev")
      && strcontains(local.spark_parameters, "--conf spark.emr-serverless.driverEnv.LAKE_PLACE=aws")
    )
    error_message = "A run is told its warehouse, size and parameters."
  }

  # The state machine.
  assert {
    condition = alltrue([
      for name in ["Silver run", "Gold run", "Chosen run"] : (
        jsondecode(local.definition).States[name].Resource == "arn:aws:states:::emr-serverless:startJobRun.sync"
        && jsondecode(local.definition).States[name].TimeoutSeconds > var.run_timeout_minutes * 60
        && jsondecode(local.definition).States[name].Parameters.ExecutionTimeoutMinutes == 60
        && jsondecode(local.definition).States[name].Parameters.ApplicationId == "00app"
        && jsondecode(local.definition).States[name].Parameters.ExecutionRoleArn == "arn:aws:iam::111122223333:role/lakehouse-dev-job"
        && jsondecode(local.definition).States[name].Catch[0].ErrorEquals == ["States.ALL"]
      )
    ])
    error_message = "A job run is waited for, in time, with its own role, and its failure is caught."
  }
  assert {
    condition = alltrue([
      for name in ["Silver run", "Gold run", "Chosen run"] :
      jsondecode(local.definition).States[name].Parameters["ClientToken.$"]
      == "States.Hash(States.Format('{}/{}/{}', $$.Execution.Name, $$.State.Name, $$.Execution.RedriveCount), 'SHA-256')"
    ])
    error_message = "The same request is the same job run: no token is random."
  }
  assert {
    condition = alltrue([
      for name in ["Silver run", "Gold run", "Chosen run"] : alltrue([
        for retry in jsondecode(local.definition).States[name].Retry : alltrue([
          for error in retry.ErrorEquals : endswith(error, "ThrottlingException")
        ])
      ])
    ])
    error_message = "The state machine tries again only when throttled: a failed run is EMR's to try."
  }
  assert {
    condition = alltrue([
      for run in ["Silver", "Gold", "Chosen"] :
      jsondecode(local.definition).States["${run} run"].Parameters.RetryPolicy == { MaxAttempts = 2 }
    ])
    error_message = "A run whose worker is lost is tried once more by EMR."
  }
  assert {
    condition = (
      jsondecode(local.definition).States["Silver run"].Parameters.JobDriver.SparkSubmit.EntryPointArguments == ["silver.emt", "silver.meteorology", "silver.openweather"]
      && jsondecode(local.definition).States["Gold run"].Parameters.JobDriver.SparkSubmit.EntryPointArguments == ["gold.emt"]
      && jsondecode(local.definition).States["Chosen run"].Parameters.JobDriver.SparkSubmit["EntryPointArguments.$"] == "$.groups"
      && jsondecode(local.definition).TimeoutSeconds > 2 * jsondecode(local.definition).States["Silver run"].TimeoutSeconds
    )
    error_message = "Silver, gold, or what was chosen; the machine outlives both."
  }
  assert {
    condition = alltrue([
      for name, state in jsondecode(local.definition).States : alltrue([
        for next in compact(concat(
          [try(state.Next, ""), try(state.Default, "")],
          [for choice in try(state.Choices, []) : choice.Next],
          [for caught in try(state.Catch, []) : caught.Next],
        )) : contains(keys(jsondecode(local.definition).States), next)
      ])
    ])
    error_message = "Every state leads to one that exists."
  }
  assert {
    condition = alltrue([
      for value in ["job.$", "run.$", "why.$", "log.$"] :
      contains(keys(jsondecode(local.definition).States["Say why"].Parameters), value)
    ])
    error_message = "The message says which job, why, and where the log is."
  }

  # Events and schedules.
  assert {
    condition = (
      jsondecode(aws_cloudwatch_event_rule.bronze.event_pattern).detail.object.key[0].prefix == "bronze/"
      && jsondecode(aws_cloudwatch_event_rule.raw.event_pattern).detail.object.key[0].prefix == "raw/"
      && jsondecode(aws_cloudwatch_event_rule.raw.event_pattern).detail-type == ["Object Created"]
      && jsondecode(aws_cloudwatch_event_rule.raw.event_pattern).detail.object.size[0].numeric == [">", 0]
    )
    error_message = "Every way of creating an object counts, folders do not."
  }
  assert {
    condition = (
      aws_scheduler_schedule.run["daily"].schedule_expression == "cron(0 10 * * ? *)"
      && aws_scheduler_schedule.run["daily"].schedule_expression_timezone == "Europe/Madrid"
      && jsondecode(aws_scheduler_schedule.run["daily"].target[0].input) == { gold = true }
    )
    error_message = "Gold is made daily at ten, Madrid's summer and winter time."
  }
  assert {
    condition = (
      aws_scheduler_schedule.run["maintenance"].schedule_expression == "cron(30 3 ? * SUN *)"
      && aws_scheduler_schedule.run["maintenance"].schedule_expression_timezone == "Europe/Madrid"
      && jsondecode(aws_scheduler_schedule.run["maintenance"].target[0].input) == { groups = ["maintenance"] }
      && aws_scheduler_schedule.run["maintenance"].target[0].arn == aws_scheduler_schedule.run["daily"].target[0].arn
    )
    error_message = "Tables are maintained weekly, by an execution of the same state machine."
  }
  assert {
    condition = (
      jsondecode(aws_scheduler_schedule.ingest["arrivals"].target[0].input) == { source = "emt", stream = "arrivals", options = { stops = ["62", "5710"] } }
      && alltrue([for schedule in values(aws_scheduler_schedule.ingest) : schedule.target[0].retry_policy[0].maximum_retry_attempts <= 3])
      && aws_scheduler_schedule.ingest["openweather"].schedule_expression == "cron(0 18 * * ? *)"
      && aws_scheduler_schedule.ingest["openweather"].schedule_expression_timezone == "UTC"
      && aws_scheduler_schedule.ingest["lines"].schedule_expression_timezone == "Europe/Madrid"
    )
    error_message = "A schedule says what to pull, and a late call is given up."
  }
  assert {
    condition = alltrue([
      for name, queue in aws_sqs_queue.this : queue.visibility_timeout_seconds >= 6 * 300 && queue.kms_master_key_id != null
    ])
    error_message = "A message is not seen twice while it is worked on, and is encrypted."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.raw.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "One bad file does not bring the others back."
  }
  assert {
    condition     = aws_pipes_pipe.bronze.source_parameters[0].sqs_queue_parameters[0].batch_size == 100
    error_message = "The pipe gathers."
  }

  # The stream.
  assert {
    condition = (
      length(aws_kinesis_stream.this) == 0
      && aws_kinesis_firehose_delivery_stream.this.server_side_encryption[0].key_type == "CUSTOMER_MANAGED_CMK"
      && aws_kinesis_firehose_delivery_stream.this.iceberg_configuration[0].destination_table_configuration[0].table_name == "weatherapi_current"
      && aws_kinesis_firehose_delivery_stream.this.iceberg_configuration[0].destination_table_configuration[0].unique_keys == null
      && startswith(aws_kinesis_firehose_delivery_stream.this.iceberg_configuration[0].s3_configuration[0].error_output_prefix, "firehose-errors/!{firehose:error-output-type}/")
    )
    error_message = "Direct PUT, encrypted, appended to one table, failures kept with their kind."
  }

  # Questions.
  assert {
    condition = (
      aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == 10240000000
      && aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration
      && length(aws_athena_named_query.this) == length(fileset("../sql/athena", "**/*.sql"))
      && alltrue([for query in aws_athena_named_query.this : !strcontains(query.query, "$${")])
    )
    error_message = "A query is bounded, and every file of sql/athena is a named query, filled in."
  }

  # Operation.
  assert {
    condition = (
      alltrue([for alarm in values(aws_cloudwatch_metric_alarm.silence) : alarm.treat_missing_data == "breaching"])
      && alltrue([for alarm in values(aws_cloudwatch_metric_alarm.fault) : alarm.treat_missing_data == "notBreaching"])
      && length(setsubtract(
        ["pipeline-failed", "stream-failed-rows", "queue-raw-dlq", "queue-bronze-dlq", "queue-calls-dlq"],
        keys(aws_cloudwatch_metric_alarm.fault),
      )) == 0
    )
    error_message = "Failures, failed rows and dead letters raise an alarm, and so does silence."
  }
  assert {
    condition = (
      length(aws_budgets_budget.this) == 1
      && length(module.notify) == 0 && length(aws_iam_role.deploy) == 0 && length(aws_iam_role.reader) == 0
    )
    error_message = "A budget is there; what must be asked for is not."
  }
  assert {
    condition     = jsondecode(aws_lambda_invocation.tables.input) == { action = "apply", digest = "0123456789ab" }
    error_message = "The tables function is called in the apply, again for other contracts."
  }
}

run "everything_asked_for" {
  command = plan

  variables {
    stream_source          = "kinesis"
    lake_formation_enabled = true
    analyst_principals     = ["arn:aws:iam::111122223333:role/people"]
    auditor_principals     = ["arn:aws:iam::111122223333:role/auditors"]
    analyst_lines          = ["27", "C1"]
    analyst_cities         = ["madrid"]
    github_repository      = "owner/lakehouse"
    state_bucket           = "owner-state"
    slack_secret_arn       = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:slack-AbCdEf"
    alert_emails           = ["data@example.com"]
    budget_enabled         = false
    access_log_bucket      = "account-logs"
    delay_ratio_thresh     = 1.5
    wx_recent_minutes      = 30
    schedule_cron          = "cron(30 6 ? * MON *)"
    schedule_timezone      = "UTC"
    previous_code          = ["code/9999999999999999999999999999999999999999999999999999999999999999/lake.zip"]
  }

  assert {
    condition = (
      aws_kinesis_stream.this[0].encryption_type == "KMS"
      && aws_kinesis_stream.this[0].stream_mode_details[0].stream_mode == "ON_DEMAND"
      && length(aws_kinesis_firehose_delivery_stream.this.kinesis_source_configuration) == 1
      && length(aws_kinesis_firehose_delivery_stream.this.server_side_encryption) == 0
    )
    error_message = "A Data Stream before Firehose is encrypted itself."
  }
  assert {
    condition = (
      strcontains(module.observe.policy, "kinesis:PutRecord") && !strcontains(module.observe.policy, "firehose:")
      && strcontains(module.firehose_role.policy, "kinesis:GetRecords")
    )
    error_message = "The producer puts into the Data Stream, and Firehose reads it."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.silence["no-data-stream"].metric_name == "DataReadFromKinesisStream.Records"
    error_message = "Silence is heard where the records pass."
  }
  assert {
    condition = (
      aws_lakeformation_data_cells_filter.analyst["emt_gold.arrivals_weather"].table_data[0].row_filter[0].filter_expression == "label in ('27', 'C1')"
      && aws_lakeformation_data_cells_filter.analyst["emt_gold.arrivals_weather"].table_data[0].column_wildcard[0].excluded_column_names == tolist(["source_uri"])
      && aws_lakeformation_data_cells_filter.analyst["meteorology_silver.meteorology_current"].table_data[0].row_filter[0].filter_expression == "location in ('madrid')"
      && !contains(keys(aws_lakeformation_data_cells_filter.analyst), "emt_silver.incidents")
      && join(" ", keys(aws_lakeformation_permissions.whole)) == "emt_silver.stops"
      && aws_lakeformation_resource.warehouse["lake"].hybrid_access_enabled
    )
    error_message = "Analysts read gold and some silver, without sensitive columns, by their lines and cities."
  }
  assert {
    condition = (
      length(aws_lakeformation_permissions.open) == length(local.databases) + 1
      && aws_lakeformation_permissions.open["analyst lakehouse_dev_views"].table[0].wildcard
      && alltrue([for grant in values(aws_lakeformation_permissions.open) : grant.table[0].wildcard])
      && alltrue([
        for statement in jsondecode(data.aws_iam_policy_document.reader["auditor"].json).Statement :
        statement.Sid == "Results" || !anytrue([
          for action in flatten([statement.Action]) :
          can(regex(":(Put|Delete|Update|Create|Start[^Q])", action))
        ])
      ])
    )
    error_message = "Auditors read every table whole, and write nothing but their own answers."
  }
  assert {
    condition = !anytrue([
      for statement in jsondecode(data.aws_iam_policy_document.reader["analyst"].json).Statement :
      anytrue([for arn in flatten([statement.Resource]) : strcontains(arn, "-lake-")])
    ])
    error_message = "An analyst has no way to the lake's files but Lake Formation."
  }
  assert {
    condition = (
      jsondecode(data.aws_iam_policy_document.deploy_trust["apply"].json).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:owner/lakehouse:environment:dev"
      && jsondecode(data.aws_iam_policy_document.deploy_trust["plan"].json).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
      && !strcontains(join("", [for trust in values(data.aws_iam_policy_document.deploy_trust) : trust.json]), "*")
    )
    error_message = "Only the approved environment of the one repository applies."
  }
  assert {
    condition = (
      alltrue([
        for statement in jsondecode(data.aws_iam_policy_document.apply.json).Statement :
        !contains(flatten([try(statement.Action, [])]), "iam:CreateRole")
        || try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") == "arn:aws:iam::111122223333:policy/lakehouse-dev-boundary"
      ])
      && anytrue([
        for statement in jsondecode(data.aws_iam_policy_document.apply.json).Statement :
        statement.Effect == "Deny" && contains(flatten([statement.Resource]), "arn:aws:iam::111122223333:role/lakehouse-dev-deploy-apply")
        && contains(flatten([statement.Resource]), "arn:aws:iam::111122223333:policy/lakehouse-dev-boundary")
      ])
    )
    error_message = "An apply makes no role beyond the boundary, and changes neither itself nor the boundary."
  }
  assert {
    condition     = !anytrue([for statement in jsondecode(data.aws_iam_policy_document.state["plan"].json).Statement : statement.Sid == "State" && contains(flatten([statement.Action]), "s3:PutObject")])
    error_message = "A plan writes no state."
  }
  assert {
    condition     = length(module.notify) == 1 && length(aws_sns_topic_subscription.email) == 1 && length(aws_budgets_budget.this) == 0
    error_message = "Slack and e-mail are told; the emulated place has no budget."
  }
  assert {
    condition = (
      aws_scheduler_schedule.run["daily"].schedule_expression == "cron(30 6 ? * MON *)"
      && aws_scheduler_schedule.run["daily"].schedule_expression_timezone == "UTC"
      && strcontains(local.spark_parameters, "LAKE_DELAY_RATIO_THRESH=1.5")
      && strcontains(local.spark_parameters, "LAKE_WX_RECENT_MINUTES=30")
    )
    error_message = "Schedule, zone and parameters are the operator's."
  }
  assert {
    condition     = length(aws_s3_object.code) == 7 && length(aws_s3_bucket_logging.this) == 3
    error_message = "The release before stays, and access is logged where the account logs it."
  }
  assert {
    condition     = length(data.aws_iam_policy_document.boundary.minified_json) <= 6144
    error_message = "The boundary fits a managed policy."
  }
  assert {
    condition = sum([
      for policy in [data.aws_iam_policy_document.apply, data.aws_iam_policy_document.apply_read, data.aws_iam_policy_document.state["apply"]] :
      length(policy.minified_json)
    ]) <= 10240
    error_message = "The apply role's policies fit a role."
  }
}
