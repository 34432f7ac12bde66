# The code that runs. Its SHA-256 is in its key, so no running job ever sees a replaced file.

locals {
  file_names = {
    jobs      = "lake.zip"
    entry     = "main.py"
    ingestion = "ingestion.zip"
    tables    = "tables.zip"
    streaming = "streaming.zip"
    notify    = "notify.zip"
  }
  code_keys = { for part, made in var.artifacts : part => "code/${made.sha256}/${local.file_names[part]}" }
  code_uris = { for part, key in local.code_keys : part => "s3://${local.buckets.artifacts}/${key}" }

  # The release before this one stays: an execution that waits for its next state asks for it.
  code = merge(
    { for key in var.previous_code : key => "" },
    { for part, key in local.code_keys : key => var.artifacts[part].path },
  )
}

resource "aws_s3_object" "code" {
  for_each = local.code

  bucket = aws_s3_bucket.this["artifacts"].id
  key    = each.key
  source = each.value

  lifecycle {
    # The key says what the content is; only the folder it was built in differs between machines.
    ignore_changes = [source]
  }

  depends_on = [
    aws_s3_bucket_policy.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}
