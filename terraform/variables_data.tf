# What is deployed, what comes in and when, and how long it is kept.

variable "artifacts" {
  description = "What `lake build` made, by name: its file and SHA-256 (build/artifacts.json)."
  type        = map(object({ path = string, sha256 = string }))
  nullable    = false

  validation {
    condition = (
      toset(keys(var.artifacts)) ==
      toset(["jobs", "entry", "ingestion", "tables", "streaming", "notify"])
    )
    error_message = "artifacts: exactly jobs, entry, ingestion, tables, streaming and notify; run `lake build`."
  }
  validation {
    condition = alltrue([
      for made in values(var.artifacts) : can(regex("^[0-9a-f]{64}$", made.sha256)) && made.path != ""
    ])
    error_message = "artifacts: each has a path and a SHA-256 of 64 hexadecimal digits."
  }
}

variable "previous_code" {
  description = "Keys of the release before this one (output code_keys), kept for executions that still ask for them."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for key in var.previous_code : can(regex("^code/[0-9a-f]{64}/[a-z]+[.](zip|py)$", key))])
    error_message = "previous_code: keys such as code/<sha256>/lake.zip."
  }
}

variable "contracts_digest" {
  description = "Digest of all table contracts; the tables Lambda runs again when it changes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9a-f]{12,64}$", var.contracts_digest))
    error_message = "contracts_digest: 12 to 64 hexadecimal digits; run `lake build`."
  }
}

variable "weather_location" {
  description = "Place whose weather is asked for and joined, as WeatherAPI knows it."
  type        = string
  default     = "madrid"
  nullable    = false

  validation {
    condition     = can(regex("^[[:alnum:]][[:alnum:]_.,-]*$", var.weather_location))
    error_message = "weather_location: a name, or latitude,longitude, without blanks."
  }
}

variable "openweather_cities" {
  description = "Cities whose weather OpenWeather is asked for: NAME:q=… or NAME:lat=…&lon=…, with semicolons between."
  type        = string
  default     = "riohacha:q=Riohacha,CO;patagonia:lat=-41.810147&lon=-68.906269"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_-]*:[^;]+(;[a-z][a-z0-9_-]*:[^;]+)*$", var.openweather_cities))
    error_message = "openweather_cities: such as riohacha:q=Riohacha,CO;patagonia:lat=-41.8&lon=-68.9."
  }
}

variable "time_zone" {
  description = "Zone of the sources' local times."
  type        = string
  default     = "Europe/Madrid"
  nullable    = false

  validation {
    condition     = can(regex("^(UTC|[A-Z][A-Za-z]+(/[A-Za-z_-]+)+)$", var.time_zone))
    error_message = "time_zone: a name such as Europe/Madrid or UTC."
  }
}

variable "ingest_schedules" {
  description = "Which streams are pulled when, in schedule_timezone if not in their own, and with which options."
  type = map(object({
    source   = string
    stream   = string
    schedule = string
    timezone = optional(string, "")
    options  = optional(map(list(string)), {})
  }))
  nullable = false
  # Two stops to begin with: EMT allows 20,000 calls a day, 416 stops every half hour.
  default = {
    arrivals    = { source = "emt", stream = "arrivals", schedule = "rate(30 minutes)", options = { stops = ["62", "5710"] } }
    lines       = { source = "emt", stream = "lines", schedule = "cron(0 3 * * ? *)" }
    stops       = { source = "emt", stream = "stops", schedule = "cron(10 3 * * ? *)" }
    timetables  = { source = "emt", stream = "timetables", schedule = "cron(20 3 * * ? *)" }
    calendar    = { source = "emt", stream = "calendar", schedule = "cron(50 3 * * ? *)" }
    derived     = { source = "calendar", stream = "derived", schedule = "cron(40 2 * * ? *)" }
    openweather = { source = "openweather", stream = "current", schedule = "cron(0 18 * * ? *)", timezone = "UTC" }
  }

  validation {
    condition     = alltrue([for name in keys(var.ingest_schedules) : can(regex("^[a-z][a-z0-9-]{0,30}$", name))])
    error_message = "ingest_schedules: names of lower-case letters, digits and hyphens."
  }
  validation {
    condition = alltrue([
      for one in values(var.ingest_schedules) :
      can(regex("^[a-z][a-z0-9_]*$", one.source)) && can(regex("^[a-z][a-z0-9_]*$", one.stream))
    ])
    error_message = "ingest_schedules: source and stream as in `lake ingest SOURCE STREAM`."
  }
  validation {
    condition     = alltrue([for one in values(var.ingest_schedules) : can(regex("^(rate|cron)[(].+[)]$", one.schedule))])
    error_message = "ingest_schedules: a schedule is rate(…) or cron(…)."
  }
  validation {
    condition     = alltrue([for one in values(var.ingest_schedules) : can(regex("^(|UTC|[A-Z][A-Za-z]+(/[A-Za-z_-]+)+)$", one.timezone))])
    error_message = "ingest_schedules: a timezone is a name such as Europe/Madrid or UTC."
  }
  validation {
    condition     = alltrue([for one in values(var.ingest_schedules) : "${one.source}/${one.stream}" != "weatherapi/current"])
    error_message = "ingest_schedules: current weather comes by the stream alone (weather_schedule)."
  }
}

variable "weather_schedule" {
  description = "When current weather is asked for and put into the stream."
  type        = string
  default     = "rate(30 minutes)"
  nullable    = false

  validation {
    condition     = can(regex("^(rate|cron)[(].+[)]$", var.weather_schedule))
    error_message = "weather_schedule: rate(…) or cron(…)."
  }
}

variable "stream_source" {
  description = "How records reach Firehose: direct (PutRecord), or kinesis (a Data Stream before it, for other readers)."
  type        = string
  default     = "direct"
  nullable    = false

  validation {
    condition     = contains(["direct", "kinesis"], var.stream_source)
    error_message = "stream_source: direct or kinesis."
  }
}

variable "stream_retention_hours" {
  description = "How long the Data Stream keeps records, with stream_source = \"kinesis\"."
  type        = number
  default     = 24
  nullable    = false

  validation {
    condition     = var.stream_retention_hours >= 24 && var.stream_retention_hours <= 8760
    error_message = "stream_retention_hours: 24 to 8760."
  }
}

variable "stream_buffer_seconds" {
  description = "How long Firehose gathers before it commits; each commit is a snapshot."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.stream_buffer_seconds >= 0 && var.stream_buffer_seconds <= 900
    error_message = "stream_buffer_seconds: 0 to 900."
  }
}

variable "stream_buffer_mb" {
  description = "How much Firehose gathers before it commits."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.stream_buffer_mb >= 1 && var.stream_buffer_mb <= 128
    error_message = "stream_buffer_mb: 1 to 128."
  }
}

variable "stream_retry_seconds" {
  description = "How long Firehose tries a commit again before the records go to firehose-errors/."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.stream_retry_seconds >= 300 && var.stream_retry_seconds <= 7200
    error_message = "stream_retry_seconds: 300 (another writer may hold the table) to 7200."
  }
}

variable "no_data_hours" {
  description = "After how many hours without a record or a bronze file an alarm is raised."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.no_data_hours >= 1 && var.no_data_hours <= 24
    error_message = "no_data_hours: 1 to 24."
  }
}

variable "noncurrent_days" {
  description = "How long overwritten and deleted objects can be brought back; that is when expired snapshots free space."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.noncurrent_days >= 1 && var.noncurrent_days <= 365
    error_message = "noncurrent_days: 1 to 365."
  }
}

variable "result_days" {
  description = "How long query results and job logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.result_days >= 1 && var.result_days <= 365
    error_message = "result_days: 1 to 365."
  }
}
