# People who read: analysts ask gold and what they are granted; auditors read everything, history
# too, and write nothing. A role is there once somebody may take it on.

locals {
  readers = {
    for reader, principals in { analyst = var.analyst_principals, auditor = var.auditor_principals } :
    reader => principals if length(principals) > 0
  }
  # With Lake Formation an analyst's way to the files is through it; without, gold's files are open.
  analyst_files = var.lake_formation_enabled ? [] : [
    for key, database in local.databases : "${local.bucket_arns.lake}/warehouse/${database}.db/*"
    if endswith(key, "_gold")
  ]
  # The table files, what was landed and what could not be: an auditor follows a row to its origin.
  auditor_files = [
    for folder in ["warehouse", "bronze", "raw", "quarantine"] : "${local.bucket_arns.lake}/${folder}/*"
  ]
}

data "aws_iam_policy_document" "reader_trust" {
  for_each = local.readers

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = each.value
    }
  }
}

data "aws_iam_policy_document" "reader" {
  #checkov:skip=CKV_AWS_356:GetDataAccess knows no resource.
  for_each = local.readers

  statement {
    sid = "Ask"
    actions = [
      "athena:BatchGetNamedQuery", "athena:BatchGetQueryExecution", "athena:GetNamedQuery",
      "athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetQueryResultsStream",
      "athena:GetWorkGroup", "athena:ListNamedQueries", "athena:ListQueryExecutions",
      "athena:StartQueryExecution", "athena:StopQueryExecution",
    ]
    resources = ["${local.arn_of["athena"]}:workgroup/${local.name}"]
  }

  statement {
    sid = "Choose"
    # What BI tools fill their lists with.
    actions   = ["athena:GetDataCatalog", "athena:GetDatabase", "athena:GetTableMetadata", "athena:ListDatabases", "athena:ListTableMetadata"]
    resources = ["${local.arn_of["athena"]}:datacatalog/AwsDataCatalog"]
  }

  statement {
    sid       = "Describe"
    actions   = ["glue:GetDatabase", "glue:GetDatabases", "glue:GetPartitions", "glue:GetTable", "glue:GetTables"]
    resources = concat([local.catalog_arn], flatten(values(local.all_glue_arns)))
  }

  statement {
    sid       = "Results"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arns.results}/athena/*"]
  }

  statement {
    sid       = "Buckets"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = concat([local.bucket_arns.results], each.key == "auditor" || !var.lake_formation_enabled ? [local.bucket_arns.lake] : [])
  }

  dynamic "statement" {
    for_each = each.key == "auditor" ? [local.auditor_files] : [for files in [local.analyst_files] : files if length(files) > 0]

    content {
      sid       = "Files"
      actions   = concat(["s3:GetObject"], each.key == "auditor" ? ["s3:GetObjectVersion", "s3:ListBucketVersions"] : [])
      resources = concat(statement.value, each.key == "auditor" ? [local.bucket_arns.lake] : [])
    }
  }

  dynamic "statement" {
    for_each = var.lake_formation_enabled ? ["lakeformation"] : []

    content {
      sid     = "Governed"
      actions = ["lakeformation:GetDataAccess"]
      # GetDataAccess knows no resource; for an analyst it is the only way to the tables' files.
      resources = ["*"]
    }
  }
}

# Apart, because the key is not known before it exists, and the rest is to be read in the first plan.
data "aws_iam_policy_document" "reader_keys" {
  for_each = local.readers

  statement {
    sid       = "Keys"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this["data"].arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "reader" {
  for_each = local.readers

  name                 = "${local.name}-${each.key}"
  description          = each.key == "auditor" ? "Reads all of ${local.name}, changes nothing." : "Asks ${local.name} questions; sees what is granted."
  assume_role_policy   = data.aws_iam_policy_document.reader_trust[each.key].json
  permissions_boundary = aws_iam_policy.boundary.arn
}

resource "aws_iam_role_policy" "reader" {
  for_each = local.readers

  name   = "program"
  role   = aws_iam_role.reader[each.key].id
  policy = data.aws_iam_policy_document.reader[each.key].json
}

resource "aws_iam_role_policy" "reader_keys" {
  for_each = local.readers

  name   = "keys"
  role   = aws_iam_role.reader[each.key].id
  policy = data.aws_iam_policy_document.reader_keys[each.key].json
}
