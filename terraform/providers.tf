provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, {
      Project     = local.name
      Environment = var.environment
      ManagedBy   = "terraform"
    })
  }
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}
