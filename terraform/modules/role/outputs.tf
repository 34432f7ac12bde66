output "arn" {
  description = "ARN of the role, known once its policies are in force: a service checks them at once."
  value       = aws_iam_role.this.arn

  depends_on = [aws_iam_role_policy.this, aws_iam_role_policy.keys]
}

output "trust" {
  description = "Trust policy, as JSON."
  value       = data.aws_iam_policy_document.trust.json
}

output "policy" {
  description = "What the program may do, as JSON."
  value       = var.policy
}
