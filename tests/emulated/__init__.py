"""The emulated AWS, each stand-in against the AWS document it imitates."""
