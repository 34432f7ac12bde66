# The databases, and the tables in them. Terraform owns the databases only: an apply that wrote a
# table could put back an old metadata_location. The contracts own the tables; the tables function
# creates and evolves them during the apply, before anything that needs them, and then has Athena make
# the analysts' views of sql/athena/views/.

resource "aws_glue_catalog_database" "this" {
  for_each = local.databases

  name         = each.value
  description  = "${local.name}: ${each.key}"
  location_uri = "${local.lake_uri}/warehouse/${each.value}.db"
}

data "aws_iam_policy_document" "tables" {
  statement {
    sid = "Tables"
    # No DeleteTable: what cannot be evolved is refused.
    actions = [
      "glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables",
      "glue:CreateTable", "glue:UpdateTable",
    ]
    resources = concat([local.catalog_arn], flatten(values(local.glue_arns)))
  }

  statement {
    sid       = "Metadata"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arns.lake}/warehouse/*"]
  }

  statement {
    sid       = "Bucket"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation"]
    resources = [local.bucket_arns.lake]
  }
}

data "aws_iam_policy_document" "views" {
  statement {
    sid       = "Ask"
    actions   = ["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults"]
    resources = ["${local.arn_of["athena"]}:workgroup/${local.name}"]
  }

  statement {
    sid       = "Results"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arns.results}/athena/*"]
  }

  statement {
    sid       = "ResultsBucket"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [local.bucket_arns.results]
  }

  statement {
    sid       = "Views"
    actions   = ["glue:GetDatabase", "glue:GetTable", "glue:CreateTable", "glue:UpdateTable"]
    resources = local.all_glue_arns.views
  }
}

module "tables" {
  source = "./modules/function"

  name            = "${local.name}-tables"
  description     = "Creates and evolves the tables from their contracts, and the views on them."
  handler         = "console.functions.tables"
  code_key        = aws_s3_object.code[local.code_keys.tables].key
  environment     = local.environment
  timeout_seconds = 900
  memory_mb       = 1024
  policies        = [data.aws_iam_policy_document.tables.json, data.aws_iam_policy_document.views.json]
  keys            = { s3 = aws_kms_key.this["data"].arn }
  context         = local.function_context
}

# An impossible change is an error of the function, and so of the apply, with the reason.
resource "aws_lambda_invocation" "tables" {
  function_name = module.tables.name
  input         = jsonencode({ action = "apply", digest = var.contracts_digest })

  triggers = {
    contracts = var.contracts_digest
    code      = var.artifacts["tables"].sha256
    lake      = local.lake_uri
    databases = join(",", sort(values(local.databases)))
  }

  depends_on = [
    aws_glue_catalog_database.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

# A view that cannot be made fails the apply too, with Athena's reason.
resource "aws_lambda_invocation" "views" {
  function_name = module.tables.name
  input         = jsonencode({ action = "views" })

  triggers = {
    code      = var.artifacts["tables"].sha256 # the views' SQL is in it
    lake      = local.lake_uri
    databases = join(",", sort(values(local.databases)))
    time_zone = var.time_zone
  }

  depends_on = [aws_lambda_invocation.tables, aws_athena_workgroup.this]
}
