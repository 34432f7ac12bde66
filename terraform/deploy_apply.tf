# What an apply may change: what is named after this lakehouse. Roles only with the boundary; the
# deploy roles and the boundary not at all.

data "aws_iam_policy_document" "apply" {
  #checkov:skip=CKV_AWS_108:Whoever deploys the lake writes its buckets; by name.
  #checkov:skip=CKV_AWS_109:Roles by name, and only with the boundary, which the deny below protects.
  #checkov:skip=CKV_AWS_111:Calls that create what has no name yet know no resource; each is commented.
  #checkov:skip=CKV_AWS_356:Calls that create what has no name yet know no resource; each is commented.
  statement {
    sid = "Named"
    actions = [
      "athena:*", "cloudwatch:*", "events:*", "firehose:*", "glue:*", "kinesis:*", "lambda:*", "logs:*",
      "pipes:*", "s3:*", "scheduler:*", "secretsmanager:*", "sns:*", "sqs:*", "states:*", "budgets:*",
    ]
    resources = concat(
      flatten([for arn in values(local.bucket_arns) : [arn, "${arn}/*"]]),
      [local.catalog_arn],
      flatten(values(local.all_glue_arns)),
      [for group in local.log_groups : "${local.arn_of["logs"]}:log-group:${group}"],
      [
        "${local.arn_of["athena"]}:workgroup/${local.name}",
        "${local.arn_of["cloudwatch"]}:alarm:${local.name}-*",
        "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${local.name}",
        "${local.arn_of["events"]}:rule/${local.name}-*",
        local.firehose_arn,
        local.kinesis_arn,
        "${local.arn_of["lambda"]}:function:${local.name}-*",
        "${local.arn_of["pipes"]}:pipe/${local.name}-*",
        local.schedule_group_arn,
        "${local.arn_of["scheduler"]}:schedule/${local.name}/*",
        "${local.arn_of["secretsmanager"]}:secret:${local.name}/*",
        local.topic_arn,
        "${local.arn_of["sqs"]}:${local.name}-*",
        local.state_machine_arn,
        "arn:${local.partition}:budgets::${local.account}:budget/${local.name}",
      ],
    )
  }

  statement {
    sid       = "Applications"
    actions   = ["emr-serverless:*"]
    resources = ["${local.arn_of["emr-serverless"]}:/applications/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Project"
      values   = [local.name]
    }
  }

  statement {
    sid = "Create"
    # CreateApplication and CreateKey make what has no ARN yet; event source mappings are named by
    # AWS; the log delivery calls know no resource.
    actions = [
      "emr-serverless:CreateApplication", "emr-serverless:TagResource", "kms:CreateKey", "kms:TagResource",
      "lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping",
      "lambda:TagResource", "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:GetLogDelivery",
      "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
      "states:ValidateStateMachineDefinition",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "Aliases"
    actions   = ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"]
    resources = ["${local.arn_of["kms"]}:alias/${local.name}-*", "${local.arn_of["kms"]}:key/*"]
  }

  statement {
    sid       = "Keys"
    actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:Describe*", "kms:EnableKeyRotation", "kms:GenerateDataKey", "kms:Get*", "kms:List*", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:UpdateKeyDescription"]
    resources = ["${local.arn_of["kms"]}:key/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Project"
      values   = [local.name]
    }
  }

  statement {
    sid       = "Roles"
    actions   = ["iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:UpdateAssumeRolePolicy"]
    resources = ["${local.role_arn}/${local.name}-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.boundary_arn]
    }
  }

  statement {
    sid       = "RolesRest"
    actions   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateRoleDescription"]
    resources = ["${local.role_arn}/${local.name}-*"]
  }

  statement {
    sid       = "Pass"
    actions   = ["iam:PassRole"]
    resources = ["${local.role_arn}/${local.name}-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values = [
        for service in ["emr-serverless", "firehose", "lakeformation", "lambda", "pipes", "scheduler", "states"] :
        "${service}.amazonaws.com"
      ]
    }
  }

  statement {
    sid       = "ServiceRole"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["${local.role_arn}/aws-service-role/ops.emr-serverless.amazonaws.com/*"]

    condition {
      test     = "StringEquals"
      variable = "iam:AWSServiceName"
      values   = ["ops.emr-serverless.amazonaws.com"]
    }
  }

  statement {
    sid    = "NotItself"
    effect = "Deny"
    not_actions = [
      "iam:Get*", "iam:List*",
    ]
    resources = concat(
      [for role in values(local.deploy_roles) : "${local.role_arn}/${role}"],
      [local.boundary_arn],
    )
  }

  statement {
    sid       = "NoBoundaryless"
    effect    = "Deny"
    actions   = ["iam:DeleteRolePermissionsBoundary"]
    resources = ["${local.role_arn}/${local.name}-*"]
  }
}

data "aws_iam_policy_document" "apply_read" {
  #checkov:skip=CKV_AWS_356:Describe and list calls know no resource.
  statement {
    sid = "Look"
    # Refreshing the state calls these, most of which know no resource.
    actions = [
      "athena:Get*", "athena:List*", "budgets:View*", "budgets:List*", "cloudwatch:Describe*", "cloudwatch:Get*",
      "cloudwatch:List*", "emr-serverless:Get*", "emr-serverless:List*", "events:Describe*", "events:List*",
      "firehose:Describe*", "firehose:List*", "glue:Get*", "iam:Get*", "iam:List*", "kinesis:Describe*",
      "kinesis:List*", "kms:Describe*", "kms:List*", "lakeformation:Describe*", "lakeformation:Get*",
      "lakeformation:List*", "lambda:Get*", "lambda:List*", "logs:Describe*", "logs:List*", "pipes:Describe*",
      "pipes:List*", "s3:GetBucket*", "s3:ListAllMyBuckets", "scheduler:Get*", "scheduler:List*",
      "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy", "secretsmanager:List*", "sns:Get*",
      "sns:List*", "sqs:Get*", "sqs:List*", "states:Describe*", "states:List*", "tag:Get*",
    ]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = var.lake_formation_enabled ? ["govern"] : []

    content {
      sid = "Govern"
      # Lake Formation's calls know no resource; its own administrators are the guard.
      actions = [
        "lakeformation:BatchGrantPermissions", "lakeformation:BatchRevokePermissions",
        "lakeformation:CreateDataCellsFilter", "lakeformation:CreateLakeFormationOptIn",
        "lakeformation:DeleteDataCellsFilter", "lakeformation:DeleteLakeFormationOptIn",
        "lakeformation:DeregisterResource", "lakeformation:GrantPermissions",
        "lakeformation:RegisterResource", "lakeformation:RevokePermissions",
        "lakeformation:UpdateDataCellsFilter", "lakeformation:UpdateResource",
      ]
      resources = ["*"]
    }
  }
}
