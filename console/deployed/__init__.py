"""The lake that Terraform deploys, in the emulated place or on AWS, as its operator sees it."""
