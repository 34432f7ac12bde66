# Who reads what, by Lake Formation: analysts get gold whole, some silver tables without their
# operational columns, and some by rows. Jobs keep to IAM (hybrid access): EMR's own enforcement
# needs an application setting that provider 5.100 does not know, and forbids much else.

locals {
  governed = var.lake_formation_enabled ? toset(["lake"]) : toset([])
  # "emt_silver.lines" → the database's name here, and the table.
  split_names = {
    for name in concat(keys(var.analyst_columns), keys(var.analyst_rows)) : name => {
      database = "${local.database_prefix}_${split(".", name)[0]}"
      table    = split(".", name)[1]
    }
  }
  analyst_columns = var.lake_formation_enabled ? var.analyst_columns : {}
  analyst_rows = {
    for name, condition in var.lake_formation_enabled ? var.analyst_rows : {} :
    name => replace(condition, "$${weather_location}", var.weather_location)
  }
  # Databases an analyst must be able to name.
  described = var.lake_formation_enabled ? toset(concat(
    [local.databases.emt_gold], [for name in values(local.split_names) : name.database],
  )) : toset([])
}

# The role by which Lake Formation hands out the lake's files.
data "aws_iam_policy_document" "governor" {
  for_each = local.governed

  statement {
    sid       = "Files"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arns.lake}/warehouse/*"]
  }

  statement {
    sid       = "Bucket"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arns.lake]
  }
}

module "governor_role" {
  source   = "./modules/role"
  for_each = local.governed

  name         = "${local.name}-governor"
  description  = "Lake Formation, for the warehouse of ${local.name}."
  service      = "lakeformation"
  source_arns  = ["arn:${local.partition}:lakeformation:${var.region}:${local.account}:*"]
  policy       = data.aws_iam_policy_document.governor["lake"].json
  account      = local.role_context.account
  region       = local.role_context.region
  boundary_arn = local.role_context.boundary_arn
  keys         = { s3 = aws_kms_key.this["data"].arn }
}

resource "aws_lakeformation_resource" "warehouse" {
  for_each = local.governed

  arn                   = "${local.bucket_arns.lake}/warehouse"
  role_arn              = module.governor_role["lake"].arn
  hybrid_access_enabled = true
}

data "aws_iam_policy_document" "analyst_trust" {
  for_each = local.governed

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.analyst_principals
    }
  }
}

data "aws_iam_policy_document" "analyst" {
  #checkov:skip=CKV_AWS_356:GetDataAccess knows no resource.
  for_each = local.governed

  statement {
    sid = "Ask"
    actions = [
      "athena:BatchGetQueryExecution", "athena:GetNamedQuery", "athena:GetQueryExecution",
      "athena:GetQueryResults", "athena:GetWorkGroup", "athena:ListNamedQueries",
      "athena:ListQueryExecutions", "athena:StartQueryExecution", "athena:StopQueryExecution",
    ]
    resources = ["${local.arn_of["athena"]}:workgroup/${local.name}"]
  }

  statement {
    sid       = "Describe"
    actions   = ["glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables"]
    resources = concat([local.catalog_arn], flatten(values(local.glue_arns)))
  }

  statement {
    sid       = "Results"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arns.results}/athena/*"]
  }

  statement {
    sid       = "ResultBucket"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [local.bucket_arns.results]
  }

  statement {
    sid     = "Governed"
    actions = ["lakeformation:GetDataAccess"]
    # GetDataAccess knows no resource; it is the only way to the tables' files.
    resources = ["*"]
  }
}

# Apart, because the key is not known before it exists, and the rest is to be read in the first plan.
data "aws_iam_policy_document" "analyst_keys" {
  for_each = local.governed

  statement {
    sid       = "ResultKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this["data"].arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "analyst" {
  for_each = local.governed

  name                 = "${local.name}-analyst"
  description          = "Asks ${local.name} questions; sees what Lake Formation grants."
  assume_role_policy   = data.aws_iam_policy_document.analyst_trust["lake"].json
  permissions_boundary = aws_iam_policy.boundary.arn
}

resource "aws_iam_role_policy" "analyst" {
  for_each = local.governed

  name   = "program"
  role   = aws_iam_role.analyst["lake"].id
  policy = data.aws_iam_policy_document.analyst["lake"].json
}

resource "aws_iam_role_policy" "analyst_keys" {
  for_each = local.governed

  name   = "keys"
  role   = aws_iam_role.analyst["lake"].id
  policy = data.aws_iam_policy_document.analyst_keys["lake"].json
}
