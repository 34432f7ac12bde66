terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # 5.100 is what the tests run; nothing here uses what 6.x removed or made mandatory.
      version = ">= 5.100.0, < 7.0.0"
    }
  }

  # Bucket, key and region: environments/<environment>.s3.tfbackend.
  backend "s3" {
    use_lockfile = true
    encrypt      = true
  }
}
