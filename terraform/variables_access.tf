# Who may read what, and how much at once.

variable "query_scan_limit_mb" {
  description = "A query that would scan more is cancelled."
  type        = number
  default     = 10240
  nullable    = false

  validation {
    condition     = var.query_scan_limit_mb >= 10
    error_message = "query_scan_limit_mb: at least 10, Athena's least."
  }
}

variable "lake_formation_enabled" {
  description = "Whether analysts read by Lake Formation's grants. The identity that applies must be its administrator."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.lake_formation_enabled || length(var.analyst_principals) > 0
    error_message = "lake_formation_enabled: name at least one of analyst_principals."
  }
}

variable "analyst_principals" {
  description = "ARNs of roles or users that may take on the analyst role."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.analyst_principals : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[^*]+$", arn))])
    error_message = "analyst_principals: ARNs of roles or users, no pattern."
  }
}

variable "analyst_columns" {
  description = "Silver tables (database.table) that analysts read without the columns listed."
  type        = map(list(string))
  default = {
    "emt_silver.arrivals_predictions" = ["bus", "source_uri", "source_row"]
    "emt_silver.lines"                = ["source_uri", "source_row"]
    "emt_silver.stops"                = ["source_uri", "source_row"]
  }
  nullable = false

  validation {
    condition = alltrue([
      for table, columns in var.analyst_columns :
      can(regex("^[a-z0-9]+_(silver|gold)[.][a-z0-9_]+$", table)) && length(columns) > 0
    ])
    error_message = "analyst_columns: <subject>_silver.<table> with at least one hidden column."
  }
}

variable "analyst_rows" {
  description = "Tables (database.table) of which analysts read only the rows that meet a condition; $${weather_location} may stand in it."
  type        = map(string)
  default = {
    "meteorology_silver.meteorology_current" = "location = '$${weather_location}'"
  }
  nullable = false

  validation {
    condition = alltrue([
      for table, condition in var.analyst_rows :
      can(regex("^[a-z0-9]+_(silver|gold)[.][a-z0-9_]+$", table)) && length(condition) > 0 && length(condition) <= 2048
    ])
    error_message = "analyst_rows: <subject>_silver.<table> with a PartiQL condition of up to 2048 characters."
  }
  validation {
    condition     = length(setintersection(keys(var.analyst_rows), keys(var.analyst_columns))) == 0
    error_message = "analyst_rows: a table stands in analyst_rows or in analyst_columns; the wider grant would win."
  }
}
