# What no role of this lakehouse can ever do more than, whatever its own policy says. The deploy
# role may create roles only with this boundary, and may not change it (deploy.tf).

locals {
  boundary_arn = "arn:${local.partition}:iam::${local.account}:policy/${local.name}-boundary"

  # What the roles have in common.
  role_context = {
    account      = local.account
    region       = var.region
    boundary_arn = aws_iam_policy.boundary.arn
  }
  function_context = merge(local.role_context, {
    architecture       = var.function_architecture
    code_bucket        = aws_s3_bucket.this["artifacts"].id
    logs_arn           = local.arn_of["logs"]
    log_key_arn        = aws_kms_key.this["logs"].arn
    log_retention_days = var.log_retention_days
  })
}

data "aws_iam_policy_document" "boundary" {
  #checkov:skip=CKV_AWS_111:A boundary allows nothing by itself; it is the most a role's own policy may allow.
  #checkov:skip=CKV_AWS_356:A boundary allows nothing by itself; it is the most a role's own policy may allow.
  #checkov:skip=CKV_AWS_108:A boundary allows nothing by itself; it is the most a role's own policy may allow.
  statement {
    sid     = "Storage"
    actions = ["s3:*"]
    resources = flatten([
      for arn in values(local.bucket_arns) : [arn, "${arn}/*"]
    ])
  }

  statement {
    sid       = "Catalog"
    actions   = ["glue:*"]
    resources = concat([local.catalog_arn, "${local.arn_of["glue"]}:database/default"], flatten(values(local.all_glue_arns)))
  }

  statement {
    sid = "Programs"
    actions = [
      "athena:*", "emr-serverless:*", "firehose:Put*", "kinesis:*", "lambda:GetFunctionConfiguration",
      "lambda:InvokeFunction", "sns:Publish", "sqs:*", "states:StartExecution",
    ]
    resources = [
      "${local.arn_of["athena"]}:workgroup/${local.name}",
      "${local.arn_of["athena"]}:datacatalog/AwsDataCatalog",
      # Applications and job runs are named by ids AWS gives.
      "${local.arn_of["emr-serverless"]}:/applications/*",
      local.firehose_arn,
      local.kinesis_arn,
      "${local.arn_of["lambda"]}:function:${local.name}-*",
      local.topic_arn,
      "${local.arn_of["sqs"]}:${local.name}-*",
      local.state_machine_arn,
    ]
  }

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = compact(["${local.arn_of["secretsmanager"]}:secret:${local.name}/*", var.slack_secret_arn])
  }

  statement {
    sid       = "Keys"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = compact(["${local.arn_of["kms"]}:key/*", var.slack_secret_key_arn])
  }

  statement {
    sid       = "Pass"
    actions   = ["iam:PassRole"]
    resources = ["${local.role_arn}/${local.name}-job"]
  }

  statement {
    sid       = "Rules"
    actions   = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]
    resources = ["${local.arn_of["events"]}:rule/StepFunctionsGetEventsForEMRServerlessJobRule"]
  }

  statement {
    sid = "Unbounded"
    # lakeformation:GetDataAccess and the log delivery calls know no resource; see the roles.
    actions   = ["lakeformation:GetDataAccess", "logs:*"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "boundary" {
  #checkov:skip=CKV_AWS_288:A boundary allows nothing by itself.
  #checkov:skip=CKV_AWS_290:A boundary allows nothing by itself.
  #checkov:skip=CKV_AWS_355:A boundary allows nothing by itself.
  name        = "${local.name}-boundary"
  description = "The most any role of ${local.name} can be allowed."
  policy      = data.aws_iam_policy_document.boundary.json
}
