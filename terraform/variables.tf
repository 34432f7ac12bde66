# Where the lakehouse stands, what it is called and who hears of it. The variables of the data's
# way are in variables_data.tf, those of the runs in variables_runs.tf.

variable "prefix" {
  description = "First part of every name."
  type        = string
  default     = "lakehouse"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.prefix))
    error_message = "prefix: 3 to 16 lower-case letters, digits or hyphens, beginning with a letter."
  }
}

variable "environment" {
  description = "Second part of every name, such as dev or prod."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "environment: 2 to 10 lower-case letters or digits, beginning with a letter."
  }
}

variable "region" {
  description = "AWS Region of everything."
  type        = string
  default     = "eu-west-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: the code of a Region, such as eu-west-1."
  }
  validation {
    condition = alltrue([
      for start in ["cn-", "us-gov-", "ap-east-2", "ap-southeast-5", "ap-southeast-6", "mx-central-"] :
      !startswith(var.region, start)
    ])
    error_message = "region: Firehose delivers to no Iceberg table in this Region."
  }
}

variable "tags" {
  description = "Tags of everything, besides Project, Environment and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for key in keys(var.tags) : can(regex("^[A-Za-z0-9 /_.:=+@-]{1,128}$", key))
    ])
    error_message = "tags: EMR Serverless takes letters, digits, blanks and /_.:=+@- in a key."
  }
  validation {
    condition = alltrue([
      for key in keys(var.tags) : !contains(["Project", "Environment", "ManagedBy"], key)
    ])
    error_message = "tags: Project, Environment and ManagedBy are set here."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` empties the buckets and drops secrets at once."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !(var.force_destroy && startswith(var.environment, "prod"))
    error_message = "force_destroy: never in production; empty its buckets by hand."
  }
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps logs."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days: one of the periods CloudWatch offers, such as 30 or 365."
  }
}

variable "access_log_bucket" {
  description = "Bucket of the account's S3 access logs; empty: none are written."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.access_log_bucket == "" || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.access_log_bucket))
    error_message = "access_log_bucket: the name of a bucket, or nothing."
  }
}

variable "alert_emails" {
  description = "Addresses that hear of failures; each must confirm its subscription."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for address in var.alert_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+[.][a-z]+$", address))
    ])
    error_message = "alert_emails: addresses such as data@example.com."
  }
}

variable "slack_secret_arn" {
  description = "Secret that holds the address of a Slack webhook; empty: no message to Slack."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.slack_secret_arn == "" || can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+-[A-Za-z0-9]{6}$", var.slack_secret_arn))
    error_message = "slack_secret_arn: the whole ARN of a secret, with its six last characters."
  }
}

variable "slack_secret_key_arn" {
  description = "CMK of the Slack secret, where it has one of its own; empty: the AWS managed one."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.slack_secret_key_arn == "" || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.slack_secret_key_arn))
    error_message = "slack_secret_key_arn: the ARN of a key, not of an alias."
  }
}

variable "budget_enabled" {
  description = "Whether there is a budget. The emulated place has none: its emulator knows no budgets."
  type        = bool
  default     = true
  nullable    = false
}

variable "budget_limit_usd" {
  description = "What a month may cost; 80 % and 100 % of it, and a forecast of 110 %, are told."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.budget_limit_usd >= 1
    error_message = "budget_limit_usd: at least one dollar."
  }
}

variable "github_repository" {
  description = "OWNER/REPOSITORY whose workflows may plan and apply; empty: no deploy roles."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.github_repository == "" || can(regex("^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository: one repository, OWNER/REPOSITORY, no pattern."
  }
  validation {
    condition     = var.github_repository == "" || var.state_bucket != ""
    error_message = "github_repository: the deploy roles need state_bucket too."
  }
}

variable "github_oidc_provider_create" {
  description = "Whether to create GitHub's identity provider; an account holds only one."
  type        = bool
  default     = true
  nullable    = false
}

variable "state_bucket" {
  description = "Bucket of the Terraform state, which the deploy roles read and lock; key prefix: the environment."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.state_bucket == "" || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "state_bucket: the name of a bucket, or nothing."
  }
}
