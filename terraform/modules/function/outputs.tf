output "arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.this.arn
}

output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "policy" {
  description = "What its role may do, as JSON."
  value       = data.aws_iam_policy_document.this.json
}
