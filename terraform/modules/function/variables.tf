variable "name" {
  description = "Name of the function and of its role."
  type        = string
  nullable    = false
}

variable "description" {
  description = "What it does."
  type        = string
  nullable    = false
}

variable "handler" {
  description = "Module and function in the zip."
  type        = string
  nullable    = false
}

variable "code_key" {
  description = "Key of the zip in the artifacts bucket."
  type        = string
  nullable    = false
}

variable "environment" {
  description = "Environment of the program; no secrets."
  type        = map(string)
  nullable    = false
}

variable "policies" {
  description = "What it may do besides writing its log: policy documents, as JSON."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "keys" {
  description = "Keys it may use: service → ARN of the key."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "timeout_seconds" {
  description = "Time-out."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900
    error_message = "timeout_seconds: 1 to 900."
  }
}

variable "memory_mb" {
  description = "Memory; processors follow it."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "memory_mb: 128 to 10240."
  }
}

variable "dead_letter_arn" {
  description = "Queue of asynchronous calls that failed for good; empty for functions called synchronously."
  type        = string
  default     = ""
  nullable    = false
}

variable "context" {
  description = "What all functions of a lakehouse share."
  type = object({
    account            = string
    region             = string
    architecture       = string
    code_bucket        = string
    logs_arn           = string
    log_key_arn        = string
    log_retention_days = number
    boundary_arn       = string
  })
  nullable = false
}
