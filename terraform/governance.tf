# Lake Formation, which hands out the lake's files by grants (grants.tf). Jobs keep to IAM (hybrid
# access): EMR's own enforcement needs an application setting that provider 5.100 does not know, and
# forbids much else.

locals {
  governed = var.lake_formation_enabled ? toset(["lake"]) : toset([])
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
