# How the jobs run: when, how large, for how long, and with which parameters.

variable "schedule_cron" {
  description = "When silver and then gold are run daily."
  type        = string
  default     = "cron(0 10 * * ? *)"
  nullable    = false

  validation {
    condition     = can(regex("^cron[(]([^ ]+ ){5}[^ ]+[)]$", var.schedule_cron))
    error_message = "schedule_cron: cron(minute hour day month weekday year)."
  }
}

variable "maintenance_cron" {
  description = "When the tables are maintained: weekly, when nobody waits for a run."
  type        = string
  default     = "cron(30 3 ? * SUN *)"
  nullable    = false

  validation {
    condition     = can(regex("^cron[(]([^ ]+ ){5}[^ ]+[)]$", var.maintenance_cron))
    error_message = "maintenance_cron: cron(minute hour day month weekday year)."
  }
}

variable "schedule_timezone" {
  description = "Zone of every schedule, its summer time included."
  type        = string
  default     = "Europe/Madrid"
  nullable    = false

  validation {
    condition     = can(regex("^(UTC|[A-Z][A-Za-z]+(/[A-Za-z_-]+)+)$", var.schedule_timezone))
    error_message = "schedule_timezone: a name such as Europe/Madrid or UTC."
  }
}

variable "delay_ratio_thresh" {
  description = "An estimate this many times the expected headway is a delay."
  type        = number
  default     = 1.3
  nullable    = false

  validation {
    condition     = var.delay_ratio_thresh > 0
    error_message = "delay_ratio_thresh: greater than 0."
  }
}

variable "wx_recent_minutes" {
  description = "The farthest an observation may be from an arrival, inclusive."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.wx_recent_minutes >= 0 && floor(var.wx_recent_minutes) == var.wx_recent_minutes
    error_message = "wx_recent_minutes: a whole number, 0 or more."
  }
}

variable "lease_wait_seconds" {
  description = "How long a run waits for another one that holds the lease of its tables."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.lease_wait_seconds >= 0 && var.lease_wait_seconds < var.run_timeout_minutes * 60
    error_message = "lease_wait_seconds: less than run_timeout_minutes, or a waiting run never speaks."
  }
}

variable "release_label" {
  description = "EMR release: Spark 3.5 with Iceberg 1.10 and Python 3.9."
  type        = string
  default     = "emr-7.13.0"
  nullable    = false

  validation {
    # 7.12 brought Iceberg 1.10; emr-spark-8 has Scala 2.13 and no Python 3.9.
    condition     = can(regex("^emr-7[.](1[2-9]|[2-9][0-9])[.][0-9]+$", var.release_label))
    error_message = "release_label: emr-7.12.0 or a later 7.x."
  }
}

variable "emr_architecture" {
  description = "Processors of the jobs, which are plain Python: ARM64 costs less than X86_64."
  type        = string
  default     = "ARM64"
  nullable    = false

  validation {
    condition     = contains(["ARM64", "X86_64"], var.emr_architecture)
    error_message = "emr_architecture: ARM64 or X86_64."
  }
}

variable "function_architecture" {
  description = "Processors of the Lambda functions: those `lake build` packed its wheels for."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.function_architecture)
    error_message = "function_architecture: arm64 or x86_64."
  }
}

variable "vcpu_quota" {
  description = "The account's quota of concurrent vCPU of EMR Serverless (L-D05C8A75); 16 in a new account."
  type        = number
  default     = 16
  nullable    = false

  validation {
    condition     = var.vcpu_quota >= 1
    error_message = "vcpu_quota: at least 1."
  }
}

variable "maximum_vcpu" {
  description = "The most vCPU the application uses at once, all runs together."
  type        = number
  default     = 16
  nullable    = false

  validation {
    condition     = var.maximum_vcpu <= var.vcpu_quota
    error_message = "maximum_vcpu: more than vcpu_quota; runs would fail with ServiceQuotaExceeded."
  }
  validation {
    condition     = var.driver.cores + var.executor.cores * var.maximum_executors <= var.maximum_vcpu
    error_message = "maximum_vcpu: one run (driver and maximum_executors) is larger than the application."
  }
}

variable "driver" {
  description = "Size of a run's driver; EMR adds 10 % (at least 384 MB) to the memory and rounds up."
  type        = object({ cores = number, memory_gb = number })
  default     = { cores = 2, memory_gb = 6 }
  nullable    = false

  validation {
    condition     = contains([1, 2, 4, 8, 16], var.driver.cores)
    error_message = "driver: 1, 2, 4, 8 or 16 cores."
  }
  validation {
    condition     = var.driver.memory_gb >= 1 && ceil(var.driver.memory_gb * 1.1 + 0.4) <= lookup({ 1 = 8, 2 = 16, 4 = 30, 8 = 60, 16 = 120 }, var.driver.cores, 0)
    error_message = "driver: too much memory for its cores (with overhead: 1→8, 2→16, 4→30, 8→60, 16→120 GB)."
  }
}

variable "executor" {
  description = "Size of one executor."
  type        = object({ cores = number, memory_gb = number })
  default     = { cores = 2, memory_gb = 6 }
  nullable    = false

  validation {
    condition     = contains([1, 2, 4, 8, 16], var.executor.cores)
    error_message = "executor: 1, 2, 4, 8 or 16 cores."
  }
  validation {
    condition     = var.executor.memory_gb >= 1 && ceil(var.executor.memory_gb * 1.1 + 0.4) <= lookup({ 1 = 8, 2 = 16, 4 = 30, 8 = 60, 16 = 120 }, var.executor.cores, 0)
    error_message = "executor: too much memory for its cores (with overhead: 1→8, 2→16, 4→30, 8→60, 16→120 GB)."
  }
}

variable "maximum_executors" {
  description = "The most executors of one run; EMR's own default is no limit."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.maximum_executors >= 1 && floor(var.maximum_executors) == var.maximum_executors
    error_message = "maximum_executors: a whole number, at least 1."
  }
}

variable "idle_minutes" {
  description = "After how many idle minutes the application stops."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.idle_minutes >= 1 && var.idle_minutes <= 10080
    error_message = "idle_minutes: 1 to 10080."
  }
}

variable "run_timeout_minutes" {
  description = "A job run that takes longer is cancelled; EMR's own default is 12 hours."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.run_timeout_minutes >= 5 && var.run_timeout_minutes <= 720
    error_message = "run_timeout_minutes: 5 to 720."
  }
}

variable "run_attempts" {
  description = "How often EMR tries a job run that fails, for whatever reason; the first time counts."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.run_attempts >= 1 && var.run_attempts <= 10 && floor(var.run_attempts) == var.run_attempts
    error_message = "run_attempts: a whole number, 1 to 10."
  }
}

variable "spark_conf" {
  description = "Spark settings of every run, as `lake build` writes them; $${lake} stands for the lake bucket."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.spark_conf : startswith(key, "spark.") && !can(regex("[[:space:]\"']", "${key}${value}"))])
    error_message = "spark_conf: names begin with spark., and no blank or quote: all of it becomes one string."
  }
  validation {
    condition = alltrue([
      for key in keys(var.spark_conf) :
      !can(regex("^spark[.](jars|submit|driver[.]|executor[.]|dynamicAllocation|emr-serverless)", key))
    ])
    error_message = "spark_conf: jars, sizes and environment are set by pipeline.tf; given twice, one list is lost."
  }
  validation {
    condition     = startswith(lookup(var.spark_conf, "spark.sql.catalog.lake.warehouse", ""), "s3://$${lake}/")
    error_message = "spark_conf: spark.sql.catalog.lake.warehouse must lie below s3://$${lake}/."
  }
}

variable "batch_files" {
  description = "Bronze files gathered into one execution."
  type        = number
  default     = 100
  nullable    = false

  validation {
    # StartExecution takes 256 KiB; the message of one bronze file is below 2 kB.
    condition     = var.batch_files >= 1 && var.batch_files <= 100
    error_message = "batch_files: 1 to 100."
  }
}

variable "batch_seconds" {
  description = "How long bronze files are gathered before an execution is started."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.batch_seconds >= 0 && var.batch_seconds <= 300
    error_message = "batch_seconds: 0 to 300."
  }
}
