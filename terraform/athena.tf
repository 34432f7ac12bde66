# Questions: a workgroup with a limit on what a query scans, and the queries of sql/athena/. In a
# query, ${prefix} stands for the databases' prefix and ${time_zone} for the city's clock.

resource "aws_athena_workgroup" "this" {
  name        = local.name
  description = "Questions to ${local.name}."
  # Named queries and history would keep it from being destroyed.
  force_destroy = true

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.query_scan_limit_mb * 1000000

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location       = "s3://${local.buckets.results}/athena/"
      expected_bucket_owner = local.account

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = aws_kms_key.this["data"].arn
      }
    }
  }
}

locals {
  query_folder = "${path.module}/../sql/athena"
  queries = {
    for file in fileset(local.query_folder, "**/*.sql") :
    trimsuffix(file, ".sql") => replace(
      replace(file("${local.query_folder}/${file}"), "$${prefix}", local.database_prefix),
      "$${time_zone}", var.time_zone
    )
  }
}

resource "aws_athena_named_query" "this" {
  for_each = local.queries

  name = "${local.name} ${each.key}"
  # The first line says the question and its grain.
  description = substr(trimprefix(split("\n", each.value)[0], "-- "), 0, 1024)
  workgroup   = aws_athena_workgroup.this.id
  database    = aws_glue_catalog_database.this["emt_gold"].name
  query       = each.value
}
