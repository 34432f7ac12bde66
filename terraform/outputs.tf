output "name" {
  description = "First part of every name."
  value       = local.name
}

output "region" {
  description = "Region of everything."
  value       = var.region
}

output "buckets" {
  description = "Names of the buckets by use: lake, artifacts, results."
  value       = local.buckets
}

output "databases" {
  description = "Names of the Glue databases by the contracts' names."
  value       = local.databases
}

output "database_prefix" {
  description = "LAKE_PREFIX: what stands before every database's name."
  value       = local.database_prefix
}

output "environment" {
  description = "What every program is told, and the stream, for a shell that works on the same lake."
  value       = merge(local.environment, local.stream_environment)
}

output "application_id" {
  description = "EMR Serverless application."
  value       = aws_emrserverless_application.this.id
}

output "job_role_arn" {
  description = "Role of job runs, for runs started by hand."
  value       = module.job_role.arn
}

output "state_machine_arn" {
  description = "State machine of silver and gold."
  value       = aws_sfn_state_machine.pipeline.arn
}

output "run_requests" {
  description = "Parameters of each job run as the state machine makes them, as JSON."
  value       = local.run_requests
}

output "stream_name" {
  description = "Delivery stream, and Kinesis stream if there is one."
  value       = local.stream_name
}

output "schedule_group" {
  description = "Group of all schedules."
  value       = aws_scheduler_schedule_group.this.name
}

output "queue_urls" {
  description = "Queues, by name."
  value = merge(
    { for name, queue in aws_sqs_queue.this : name => queue.url },
    { for name, queue in aws_sqs_queue.dead : name => queue.url },
  )
}

output "functions" {
  description = "Lambda functions by what they do."
  value = merge(
    {
      ingest    = module.ingest.name, land = module.land.name, tables = module.tables.name,
      transform = module.transform.name, observe = module.observe.name,
    },
    { for name, notify in module.notify : "notify" => notify.name },
  )
}

output "sources_secret" {
  description = "Secret to put the sources' credentials into."
  value       = aws_secretsmanager_secret.sources.name
}

output "alert_topic_arn" {
  description = "Topic of all alerts."
  value       = aws_sns_topic.alerts.arn
}

output "workgroup" {
  description = "Athena workgroup."
  value       = aws_athena_workgroup.this.name
}

output "tables_result" {
  description = "What the tables function last did."
  value       = aws_lambda_invocation.tables.result
}

output "views" {
  description = "The analysts' views, in the order they were made."
  value       = jsondecode(aws_lambda_invocation.views.result).views
}

output "code_keys" {
  description = "Keys of the deployed code: previous_code of the next apply."
  value       = values(local.code_keys)
}

output "deploy_role_arns" {
  description = "Roles of GitHub's workflows: plan and apply; empty without github_repository."
  value       = { for use, role in aws_iam_role.deploy : use => role.arn }
}

output "reader_role_arns" {
  description = "Roles of people: analyst and auditor, once principals are named for them."
  value       = { for reader, role in aws_iam_role.reader : reader => role.arn }
}

output "bi" {
  description = "What a BI tool is told to connect by: docs/governance.md says where each goes."
  value = {
    region          = var.region
    workgroup       = aws_athena_workgroup.this.name
    catalog         = "AwsDataCatalog"
    database        = local.databases.emt_gold
    output_location = "s3://${local.buckets.results}/athena/"
    role_arn        = one([for reader, role in aws_iam_role.reader : role.arn if reader == "analyst"])
    # Simba's and Amazon's driver 3 take the same properties.
    jdbc_url = "jdbc:athena://Region=${var.region};WorkGroup=${aws_athena_workgroup.this.name};Catalog=AwsDataCatalog;Database=${local.databases.emt_gold};"
    odbc     = "Driver=Amazon Athena ODBC (x64);AwsRegion=${var.region};Workgroup=${aws_athena_workgroup.this.name};Catalog=AwsDataCatalog;Schema=${local.databases.emt_gold};"
  }
}
