# GitHub's workflows: a pull request may plan (read), an approved environment may apply. Neither
# role can change itself, the boundary, or each other: an administrator applies those.

locals {
  deploying     = var.github_repository == "" ? toset([]) : toset(["deploy"])
  deploy_roles  = { plan = "${local.name}-deploy-plan", apply = "${local.name}-deploy-apply" }
  github_issuer = "token.actions.githubusercontent.com"
  github_arn    = "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.github_issuer}"
  # A job with `environment:` has that subject and no other.
  deploy_subjects = {
    plan  = ["repo:${var.github_repository}:pull_request", "repo:${var.github_repository}:ref:refs/heads/main"]
    apply = ["repo:${var.github_repository}:environment:${var.environment}"]
  }
  state_arn = "arn:${local.partition}:s3:::${var.state_bucket}"
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.github_repository != "" && var.github_oidc_provider_create ? 1 : 0

  url            = "https://${local.github_issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "deploy_trust" {
  #checkov:skip=CKV_AWS_358:The subjects name one repository and one environment, in a local checkov does not follow; a test reads them.
  for_each = local.deploy_roles

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.github_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.github_issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.github_issuer}:sub"
      values   = local.deploy_subjects[each.key]
    }
  }
}

# Both read and lock the state; only apply writes it.
data "aws_iam_policy_document" "state" {
  for_each = local.deploy_roles

  statement {
    sid       = "State"
    actions   = each.key == "apply" ? ["s3:GetObject", "s3:PutObject"] : ["s3:GetObject"]
    resources = ["${local.state_arn}/${var.environment}/*"]
  }

  statement {
    sid       = "Lock"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = ["${local.state_arn}/${var.environment}/*.tflock"]
  }

  statement {
    sid       = "StateBucket"
    actions   = ["s3:ListBucket"]
    resources = [local.state_arn]
  }

  dynamic "statement" {
    for_each = each.key == "plan" ? ["code"] : []

    content {
      # Refreshing the uploaded code asks for checksums of encrypted objects.
      sid       = "CodeKey"
      actions   = ["kms:Decrypt"]
      resources = ["${local.arn_of["kms"]}:key/*"]

      condition {
        test     = "StringEquals"
        variable = "aws:ResourceTag/Project"
        values   = [local.name]
      }
      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${var.region}.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == "plan" ? ["deny"] : []

    content {
      # ReadOnlyAccess reads every object: a plan needs none of the lake's.
      sid     = "NoData"
      effect  = "Deny"
      actions = ["s3:GetObject*", "athena:GetQueryResults*", "kinesis:GetRecords", "sqs:ReceiveMessage"]
      resources = [
        "${local.bucket_arns.lake}/*", "${local.bucket_arns.results}/*", "${local.arn_of["athena"]}:workgroup/*",
        local.kinesis_arn, "${local.arn_of["sqs"]}:${local.name}-*",
      ]
    }
  }
}

resource "aws_iam_role" "deploy" {
  for_each = var.github_repository == "" ? {} : local.deploy_roles

  name                 = each.value
  description          = "GitHub ${var.github_repository}: ${each.key}."
  assume_role_policy   = data.aws_iam_policy_document.deploy_trust[each.key].json
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "state" {
  for_each = aws_iam_role.deploy

  name   = "state"
  role   = each.value.id
  policy = data.aws_iam_policy_document.state[each.key].json
}

resource "aws_iam_role_policy_attachment" "plan" {
  for_each = local.deploying

  role       = aws_iam_role.deploy["plan"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_role_policy" "apply" {
  for_each = local.deploying

  name   = "deploy"
  role   = aws_iam_role.deploy["apply"].id
  policy = data.aws_iam_policy_document.apply.json
}

resource "aws_iam_role_policy" "apply_read" {
  for_each = local.deploying

  name   = "read"
  role   = aws_iam_role.deploy["apply"].id
  policy = data.aws_iam_policy_document.apply_read.json
}
