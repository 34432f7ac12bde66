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

variable "auditor_principals" {
  description = "ARNs of roles or users that may take on the auditor role, which reads everything and writes nothing."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.auditor_principals : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[^*]+$", arn))])
    error_message = "auditor_principals: ARNs of roles or users, no pattern."
  }
}

variable "governed_tables" {
  description = "Silver and gold tables as `lake build` tells them from the contracts: columns marked sensitive, and the columns that name a row's line and city."
  type = map(object({
    hidden = list(string)
    line   = string
    city   = string
  }))
  nullable = false

  validation {
    condition     = alltrue([for table in keys(var.governed_tables) : can(regex("^[a-z0-9_]+_(silver|gold)[.][a-z0-9_]+$", table))])
    error_message = "governed_tables: <subject>_silver.<table> or <subject>_gold.<table>."
  }
}

variable "analyst_tables" {
  description = "Silver tables (database.table) that analysts read besides all of gold."
  type        = set(string)
  default = [
    "emt_silver.arrivals_predictions", "emt_silver.lines", "emt_silver.stops",
    "meteorology_silver.meteorology_current", "openweather_silver.weather_observation",
  ]
  nullable = false

  validation {
    condition     = alltrue([for table in var.analyst_tables : contains(keys(var.governed_tables), table)])
    error_message = "analyst_tables: no contract makes such a table (governed_tables names them)."
  }
}

variable "analyst_lines" {
  description = "Public names of the lines whose rows analysts see; none means all."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for line in var.analyst_lines : can(regex("^[A-Za-z0-9]{1,5}$", line))])
    error_message = "analyst_lines: up to five letters and figures each."
  }
}

variable "analyst_cities" {
  description = "Places, as asked, whose weather analysts see; none means all."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for city in var.analyst_cities : can(regex("^[^'[:cntrl:]]{1,80}$", city))])
    error_message = "analyst_cities: up to 80 characters each, no quote."
  }
}
