# What is asked of EMR Serverless for one job run: code, settings, sizes, environment, logs.

locals {
  # Sizes of a run. EMR's own defaults take 16 vCPU, the whole quota of a new account.
  spark_sizes = {
    "spark.driver.cores"                       = var.driver.cores
    "spark.driver.memory"                      = "${var.driver.memory_gb}g"
    "spark.executor.cores"                     = var.executor.cores
    "spark.executor.memory"                    = "${var.executor.memory_gb}g"
    "spark.dynamicAllocation.initialExecutors" = 1
    "spark.dynamicAllocation.maxExecutors"     = var.maximum_executors
  }
  driver_environment = merge(local.environment, { LAKE_LEASE_WAIT_SEC = tostring(var.lease_wait_seconds) })

  spark_settings = merge(
    { for key, value in var.spark_conf : key => replace(value, "$${lake}", local.buckets.lake) },
    { for key, value in local.spark_sizes : key => tostring(value) },
    { for key, value in local.driver_environment : "spark.emr-serverless.driverEnv.${key}" => value },
    # EMR's own Iceberg. Given here alone: --jars is the same setting, and the last one would win.
    { "spark.jars" = "/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar" },
  )
  spark_parameters = join(" ", concat(
    ["--py-files ${local.code_uris.jobs}"],
    [for key in sort(keys(local.spark_settings)) : "--conf ${key}=${local.spark_settings[key]}"],
  ))

  run_request = {
    ApplicationId           = aws_emrserverless_application.this.id
    ExecutionRoleArn        = "${local.role_arn}/${local.name}-job"
    ExecutionTimeoutMinutes = var.run_timeout_minutes
    # A worker that is lost fails its attempt, and EMR begins the next one. The state machine could
    # not: the same token would only give it the failed run again.
    RetryPolicy = { MaxAttempts = var.run_attempts }
    # The same request again is the same job run; a redrive, or another state, is another one.
    "ClientToken.$" = "States.Hash(States.Format('{}/{}/{}', $$.Execution.Name, $$.State.Name, $$.Execution.RedriveCount), 'SHA-256')"
    ConfigurationOverrides = {
      MonitoringConfiguration = {
        S3MonitoringConfiguration = { LogUri = "s3://${local.buckets.results}/emr-logs/" }
        CloudWatchLoggingConfiguration = {
          Enabled             = true
          LogGroupName        = "/aws/emr-serverless/${local.name}"
          LogStreamNamePrefix = "run"
        }
      }
    }
    Tags = { Project = local.name, Environment = var.environment }
  }
  spark_submit = {
    EntryPoint            = local.code_uris.entry
    SparkSubmitParameters = local.spark_parameters
  }
  # Which jobs go together: one job run takes several groups, for a cold start costs more than they do.
  run_arguments = {
    silver = { EntryPointArguments = ["silver.emt", "silver.meteorology", "silver.openweather"] }
    gold   = { EntryPointArguments = ["gold.emt"] }
    chosen = { "EntryPointArguments.$" = "$.groups" }
  }
  run_requests = {
    for run, arguments in local.run_arguments : run => jsonencode(merge(local.run_request, {
      "Name.$"  = "States.Format('${run} {}', $$.Execution.Name)"
      JobDriver = { SparkSubmit = merge(local.spark_submit, arguments) }
    }))
  }
}
