# Firehose: gathers records, has them transformed, and commits them to the stream table. What it
# cannot deliver goes to firehose-errors/ with the reason (lake rejected shows and redrives it).

resource "aws_cloudwatch_log_group" "firehose" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is the operator's choice (log_retention_days).
  name              = "/aws/kinesisfirehose/${local.stream_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this["logs"].arn
}

resource "aws_cloudwatch_log_stream" "firehose" {
  name           = "iceberg"
  log_group_name = aws_cloudwatch_log_group.firehose.name
}

data "aws_iam_policy_document" "firehose" {
  statement {
    sid     = "Table"
    actions = ["glue:GetDatabase", "glue:GetTable", "glue:UpdateTable"]
    resources = [
      local.catalog_arn,
      "${local.arn_of["glue"]}:database/${local.databases.bronze}",
      "${local.arn_of["glue"]}:table/${local.databases.bronze}/${local.stream_table}",
    ]
  }

  statement {
    sid = "Files"
    actions = [
      "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject",
    ]
    resources = [
      "${local.bucket_arns.lake}/warehouse/${local.databases.bronze}.db/${local.stream_table}/*",
      "${local.bucket_arns.lake}/firehose-errors/*",
    ]
  }

  statement {
    sid       = "Bucket"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [local.bucket_arns.lake]
  }

  statement {
    sid       = "Transform"
    actions   = ["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"]
    resources = ["${local.function_arns.transform}:$LATEST"]
  }

  statement {
    sid       = "Log"
    actions   = ["logs:PutLogEvents"]
    resources = ["${local.arn_of["logs"]}:log-group:/aws/kinesisfirehose/${local.stream_name}:log-stream:*"]
  }

  dynamic "statement" {
    for_each = local.kinesis ? [local.kinesis_arn] : []

    content {
      sid       = "Source"
      actions   = ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
      resources = [statement.value]
    }
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

module "firehose_role" {
  source = "./modules/role"

  name         = "${local.name}-firehose"
  description  = "Delivery stream ${local.stream_name}."
  service      = "firehose"
  source_arns  = [local.firehose_arn]
  policy       = data.aws_iam_policy_document.firehose.json
  account      = local.role_context.account
  region       = local.role_context.region
  boundary_arn = local.role_context.boundary_arn
  keys = merge(
    { s3 = aws_kms_key.this["data"].arn },
    local.kinesis ? { kinesis = aws_kms_key.this["data"].arn } : {},
  )
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  #checkov:skip=CKV_AWS_240:Encrypted with direct PUT; the provider takes no such block with a Kinesis source, which is encrypted itself.
  #checkov:skip=CKV_AWS_241:Encrypted with direct PUT; the provider takes no such block with a Kinesis source, which is encrypted itself.
  name        = local.stream_name
  destination = "iceberg"

  dynamic "kinesis_source_configuration" {
    for_each = aws_kinesis_stream.this

    content {
      kinesis_stream_arn = kinesis_source_configuration.value.arn
      role_arn           = module.firehose_role.arn
    }
  }

  dynamic "server_side_encryption" {
    for_each = local.kinesis ? [] : [aws_kms_key.this["data"].arn]

    content {
      enabled  = true
      key_type = "CUSTOMER_MANAGED_CMK"
      key_arn  = server_side_encryption.value
    }
  }

  iceberg_configuration {
    role_arn           = module.firehose_role.arn
    catalog_arn        = local.catalog_arn
    buffering_interval = var.stream_buffer_seconds
    buffering_size     = var.stream_buffer_mb
    retry_duration     = var.stream_retry_seconds
    s3_backup_mode     = "FailedDataOnly"

    # No unique_keys: every row is appended, and silver takes each observation once.
    destination_table_configuration {
      database_name = aws_glue_catalog_database.this["bronze"].name
      table_name    = local.stream_table
    }

    processing_configuration {
      enabled = true

      processors {
        type = "Lambda"

        # Buffered by the defaults, 1 MB and 60 s, which are therefore not told: the provider never
        # stores a default, so that it would differ in every plan. The answer to 1 MB of records is
        # about 3 MB (a test measures it), half of what Lambda may answer.
        parameters {
          parameter_name  = "LambdaArn"
          parameter_value = "${module.transform.arn}:$LATEST"
        }
      }
    }

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.firehose.name
      log_stream_name = aws_cloudwatch_log_stream.firehose.name
    }

    s3_configuration {
      role_arn            = module.firehose_role.arn
      bucket_arn          = aws_s3_bucket.this["lake"].arn
      error_output_prefix = "firehose-errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"
      kms_key_arn         = aws_kms_key.this["data"].arn

      cloudwatch_logging_options {
        enabled         = true
        log_group_name  = aws_cloudwatch_log_group.firehose.name
        log_stream_name = aws_cloudwatch_log_stream.firehose.name
      }
    }
  }

  # Firehose looks at the table and the bucket when it is made.
  depends_on = [aws_lambda_invocation.tables, aws_s3_bucket_policy.this]
}
