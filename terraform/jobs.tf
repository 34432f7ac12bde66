# The application the jobs run in, and what a job may do. Spark settings, logs and sizes are in each
# run's request (pipeline.tf): provider 5.100 has no blocks for them on the application.

resource "aws_emrserverless_application" "this" {
  name          = local.name
  release_label = var.release_label
  type          = "spark"
  architecture  = var.emr_architecture

  # No initial capacity: warm workers are paid for while nothing runs.
  auto_start_configuration {
    enabled = true
  }

  auto_stop_configuration {
    enabled              = true
    idle_timeout_minutes = var.idle_minutes
  }

  maximum_capacity {
    cpu    = "${var.maximum_vcpu} vCPU"
    memory = "${var.maximum_vcpu * 8} GB"
  }
}

resource "aws_cloudwatch_log_group" "jobs" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is the operator's choice (log_retention_days).
  name              = "/aws/emr-serverless/${local.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this["logs"].arn
}

data "aws_iam_policy_document" "job" {
  #checkov:skip=CKV_AWS_356:DescribeLogGroups knows no resource.
  statement {
    sid       = "Code"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arns.artifacts}/code/*"]
  }

  statement {
    sid       = "Bronze"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arns.lake}/bronze/*"]
  }

  statement {
    sid       = "Tables"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = [for folder in ["warehouse", "leases", "trash"] : "${local.bucket_arns.lake}/${folder}/*"]
  }

  statement {
    sid       = "Logs"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arns.results}/emr-logs/*"]
  }

  statement {
    sid = "List"
    # Spark lists with prefixes of its own making.
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = values(local.bucket_arns)
  }

  statement {
    sid = "Catalog"
    # No CreateTable and no DeleteTable: jobs do no DDL.
    actions = [
      "glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables", "glue:UpdateTable",
    ]
    resources = concat([local.catalog_arn], flatten(values(local.glue_arns)))
  }

  statement {
    sid = "Default"
    # Spark asks for its own default database.
    actions   = ["glue:GetDatabase"]
    resources = [local.catalog_arn, "${local.arn_of["glue"]}:database/default"]
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${local.arn_of["logs"]}:log-group:/aws/emr-serverless/${local.name}:*"]
  }

  statement {
    sid     = "LogGroups"
    actions = ["logs:DescribeLogGroups"]
    # DescribeLogGroups knows no single group.
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = var.lake_formation_enabled ? ["lakeformation"] : []

    content {
      sid     = "Governed"
      actions = ["lakeformation:GetDataAccess"]
      # GetDataAccess knows no resource.
      resources = ["*"]
    }
  }
}

module "job_role" {
  source = "./modules/role"

  name        = "${local.name}-job"
  description = "Job runs of ${local.name}."
  service     = "emr-serverless"
  # The application's id is AWS's; its ARN has a slash after the colon.
  source_arns  = ["${local.arn_of["emr-serverless"]}:/applications/*"]
  policy       = data.aws_iam_policy_document.job.json
  account      = local.role_context.account
  region       = local.role_context.region
  boundary_arn = local.role_context.boundary_arn
  keys         = { s3 = aws_kms_key.this["data"].arn }
}
