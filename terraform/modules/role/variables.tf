variable "name" {
  description = "Name of the role."
  type        = string
  nullable    = false
}

variable "description" {
  description = "Whose role it is."
  type        = string
  nullable    = false
}

variable "service" {
  description = "Service that takes the role on, such as firehose."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z-]+$", var.service))
    error_message = "service: the first part of a service principal, such as firehose."
  }
}

variable "account" {
  description = "Account on whose behalf alone the service may take the role on."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the services that may use the keys for this role."
  type        = string
  nullable    = false
}

variable "source_arns" {
  description = "Resources on whose behalf alone the service may take the role on; none for Lambda, which never does it for another account."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.source_arns) > 0 || var.service == "lambda"
    error_message = "source_arns: only Lambda needs none."
  }
}

variable "policy" {
  description = "What the program may do, as JSON."
  type        = string
  nullable    = false
}

variable "keys" {
  description = "Keys the program may use, each by one service alone: service → ARN of the key."
  type        = map(string)
  nullable    = false
}

variable "boundary_arn" {
  description = "Permissions boundary."
  type        = string
  nullable    = false
}
