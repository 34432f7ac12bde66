"""Tests of the lake as Terraform deploys it."""
