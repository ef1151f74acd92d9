variable "project" {
  description = "Google Cloud project, by id, in which everything is created"
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project id: 6 to 30 lowercase letters, digits and hyphens."
  }
}

variable "region" {
  description = "Region of the buckets, the host, the registry and the databases"
  type        = string
  default     = "europe-west1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a single region, such as europe-west1."
  }
}

variable "name" {
  description = "Begins the name of everything; another one lets two installations share a project"
  type        = string
  default     = "framemill"

  validation {
    # A service account's name, NAME-autoscaler, has 30 characters at most.
    condition     = can(regex("^[a-z][a-z0-9-]{2,17}[a-z0-9]$", var.name))
    error_message = "name must be 4 to 19 lowercase letters, digits and hyphens."
  }
}

variable "labels" {
  description = "Labels on everything that can carry them"
  type        = map(string)
  default     = {}
}

variable "bucket" {
  description = "Name of the dataset bucket, unique in the world; null is PROJECT-NAME-dataset"
  type        = string
  default     = null
}

variable "video_path" {
  description = "Prefix below which videos are uploaded, without slashes around it"
  type        = string
  default     = "videos"

  validation {
    condition     = can(regex("^[^/*?#\\[\\]]([^*?#\\[\\]]*[^/*?#\\[\\]])?$", var.video_path))
    error_message = "video_path must be a folder's name without slashes around it and without wildcards."
  }
}

variable "image_path" {
  description = "Prefix below which images are created, without slashes around it"
  type        = string
  default     = "images"

  validation {
    condition     = can(regex("^[^/*?#\\[\\]]([^*?#\\[\\]]*[^/*?#\\[\\]])?$", var.image_path))
    error_message = "image_path must be a folder's name without slashes around it and without wildcards."
  }
}

variable "manifest_path" {
  description = "Prefix below which manifests are created, whose events start labeling, without slashes around it"
  type        = string
  default     = "manifests"

  validation {
    condition     = can(regex("^[^/*?#\\[\\]]([^*?#\\[\\]]*[^/*?#\\[\\]])?$", var.manifest_path))
    error_message = "manifest_path must be a folder's name without slashes around it and without wildcards."
  }
}

variable "record_path" {
  description = "Prefix below which all other records are created, without slashes around it"
  type        = string
  default     = "records"

  validation {
    condition     = can(regex("^[^/*?#\\[\\]]([^*?#\\[\\]]*[^/*?#\\[\\]])?$", var.record_path))
    error_message = "record_path must be a folder's name without slashes around it and without wildcards."
  }
}

variable "protect_data" {
  description = "Refuse to destroy buckets with objects in them, the Firestore database and BigQuery tables; apply with false before terraform destroy"
  type        = bool
  default     = true
}

variable "noncurrent_days" {
  description = "Days that replaced and deleted objects of the dataset bucket are kept as old versions"
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "noncurrent_days must be at least 1."
  }
}

variable "temp_days" {
  description = "Days after which objects of the temp bucket are deleted"
  type        = number
  default     = 7

  validation {
    condition     = var.temp_days >= 1
    error_message = "temp_days must be at least 1."
  }
}

variable "soft_delete_days" {
  description = "Days that deleted objects of the dataset bucket can be restored, and are paid for; 0 is off"
  type        = number
  default     = 7

  validation {
    condition     = var.soft_delete_days == 0 || (var.soft_delete_days >= 7 && var.soft_delete_days <= 90)
    error_message = "soft_delete_days must be 0, or 7 to 90."
  }
}

variable "max_attempts" {
  description = "Failed deliveries after which a message becomes a dead letter"
  type        = number
  default     = 5

  validation {
    condition     = var.max_attempts >= 5 && var.max_attempts <= 95
    error_message = "max_attempts must be 5 to 95: Pub/Sub itself takes 5 to 100, and is told five more than the host."
  }
}

variable "exactly_once" {
  description = "Exactly-once delivery on pull subscriptions: fewer repeated deliveries, higher latency; results are the same without"
  type        = bool
  default     = false
}

variable "push_endpoint" {
  description = "HTTPS address of extract-frames under Spin or Cloud Run; videos are then pushed to it in place of being pulled by the host"
  type        = string
  default     = null

  validation {
    condition     = var.push_endpoint == null || can(regex("^https://", var.push_endpoint))
    error_message = "push_endpoint must begin with https://."
  }
}

variable "labeling" {
  description = "Send events of finished manifests to request-labeling"
  type        = bool
  default     = false
}

variable "labeling_settings" {
  description = "Keys of [labeling] in framemill.toml, for example { target = \"label-studio\", target_url = \"https://label.example.com\", project = \"1\" }; the credential comes from secrets, as FRAMEMILL_LABELING_TOKEN"
  type        = map(string)
  default     = {}

  validation {
    condition     = !contains(keys(var.labeling_settings), "token") && !contains(keys(var.labeling_settings), "webhook_secret")
    error_message = "labeling_settings must hold no secret: name its Secret Manager secret in secrets."
  }

  validation {
    condition     = !var.labeling || var.labeling_push_endpoint != null || contains(keys(var.labeling_settings), "target")
    error_message = "labeling needs a target in labeling_settings, or labeling_push_endpoint."
  }

  validation {
    condition     = var.labeling || length(var.labeling_settings) == 0
    error_message = "labeling_settings need labeling = true."
  }
}

variable "labeling_push_endpoint" {
  description = "HTTPS address of request-labeling under Spin or Cloud Run; manifests are then pushed to it in place of being pulled by the host"
  type        = string
  default     = null

  validation {
    condition     = var.labeling_push_endpoint == null || can(regex("^https://", var.labeling_push_endpoint))
    error_message = "labeling_push_endpoint must begin with https://."
  }
}

variable "annotations" {
  description = "Collect what the labeling system answers; it is asked by the host every annotations_sync_every"
  type        = bool
  default     = false

  validation {
    condition     = !var.annotations || (var.labeling && var.labeling_push_endpoint == null && contains(["label-studio", "cvat", "scale"], lookup(var.labeling_settings, "target", "")))
    error_message = "annotations need labeling = true without labeling_push_endpoint, and a target in labeling_settings that can be read: label-studio, cvat or scale."
  }

  validation {
    condition     = !var.annotations || var.image == null || var.min_instances >= 1
    error_message = "annotations need min_instances of at least 1: without a host that runs nobody asks for a sync."
  }
}

variable "annotations_sync_every" {
  description = "How often the labeling system is asked for what changed"
  type        = string
  default     = "10m"

  validation {
    condition     = can(regex("^[1-9][0-9]*(s|m|h)$", var.annotations_sync_every))
    error_message = "annotations_sync_every must be a time such as 30s, 10m or 1h."
  }
}

variable "annotations_webhook_secret" {
  description = "Secret Manager secret that webhooks of the labeling system prove themselves with; it exists already. With it a service on the open internet takes webhooks, which make answers come sooner; null opens nothing"
  type        = string
  default     = null

  validation {
    condition     = var.annotations_webhook_secret == null || can(regex("^[A-Za-z0-9_-]{1,255}$", var.annotations_webhook_secret))
    error_message = "annotations_webhook_secret must be the name of a secret: up to 255 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = var.annotations_webhook_secret == null || var.annotations
    error_message = "annotations_webhook_secret needs annotations = true."
  }
}

variable "webhooks_min_instances" {
  description = "Instances that wait for webhooks; with 0 the first webhook after a pause waits until one has started, and may be given up by who sends it, but the instance asks for a sync then"
  type        = number
  default     = 0

  validation {
    condition     = contains([0, 1], var.webhooks_min_instances)
    error_message = "webhooks_min_instances must be 0 or 1."
  }
}

variable "firestore" {
  description = "Keep the annotation of each frame that counts in a Firestore database too"
  type        = bool
  default     = false

  validation {
    condition     = !var.firestore || var.annotations
    error_message = "firestore needs annotations = true."
  }
}

variable "firestore_collection" {
  description = "Collection of the Firestore database with a document for each frame"
  type        = string
  default     = "frames"

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9_-]{0,99}$", var.firestore_collection))
    error_message = "firestore_collection must begin with a letter and be up to 100 letters, digits, hyphens and underscores."
  }
}

variable "warehouse" {
  description = "Keep tables of frames and annotations below warehouse/ of the bucket"
  type        = bool
  default     = false

  validation {
    condition     = !var.warehouse || var.image == null || (var.min_instances >= 1 && (var.push_endpoint == null || (var.labeling && var.labeling_push_endpoint == null)))
    error_message = "warehouse needs min_instances of at least 1, and videos or manifests that are pulled: without a host that runs nobody refreshes the tables."
  }
}

variable "warehouse_refresh_every" {
  description = "How often the tables are brought up to date"
  type        = string
  default     = "1h"

  validation {
    condition     = can(regex("^[1-9][0-9]*(s|m|h)$", var.warehouse_refresh_every))
    error_message = "warehouse_refresh_every must be a time such as 10m or 1h."
  }
}

variable "bigquery" {
  description = "Load the tables into a BigQuery dataset too"
  type        = bool
  default     = false

  validation {
    condition     = !var.bigquery || var.warehouse
    error_message = "bigquery needs warehouse = true."
  }
}

variable "dataset_builders" {
  description = "Who may run `framemill dataset build`: reads the dataset bucket and writes below datasets/, for example [\"group:training@example.com\"]"
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.dataset_builders : can(regex("^(user|group|serviceAccount):[^@]+@[^@]+$", member))])
    error_message = "dataset_builders must be user:, group: or serviceAccount: with an address, and never everyone."
  }
}

variable "sign_urls" {
  description = "Let the host sign image addresses for labeling companies, as itself and without a key"
  type        = bool
  default     = false
}

variable "secrets" {
  description = "Environment variables of the host with the Secret Manager secret that each is read from, for example FRAMEMILL_LABELING_TOKEN = \"label-studio\"; the secrets exist already"
  type        = map(string)
  default     = {}

  validation {
    condition     = !contains(keys(var.secrets), "FRAMEMILL_ANNOTATIONS_WEBHOOK_SECRET")
    error_message = "secrets are the host's, which takes no webhooks: name the secret in annotations_webhook_secret."
  }
}

variable "image" {
  description = "Host image in the registry, with tag or digest; null creates everything but the host"
  type        = string
  default     = null
}

variable "cpu" {
  description = "Cores of one instance of the host"
  type        = number
  default     = 4

  validation {
    condition     = contains([1, 2, 4, 6, 8], var.cpu)
    error_message = "cpu must be 1, 2, 4, 6 or 8, which is what Cloud Run takes."
  }
}

variable "memory" {
  description = "Memory of one instance of the host; each core works in a sandbox of 512 MiB"
  type        = string
  default     = "4Gi"

  validation {
    condition     = can(regex("^[0-9]+(Mi|Gi)$", var.memory))
    error_message = "memory must be a number with Mi or Gi."
  }
}

variable "min_instances" {
  description = "Instances of the host when there is nothing to do"
  type        = number
  default     = 0

  validation {
    condition     = var.min_instances >= 0
    error_message = "min_instances must be at least 0."
  }
}

variable "max_instances" {
  description = "Most instances of the host"
  type        = number
  default     = 10

  validation {
    condition     = var.max_instances >= 1
    error_message = "max_instances must be at least 1."
  }
}

variable "videos_per_instance" {
  description = "Waiting videos for which one more instance is started"
  type        = number
  default     = 8

  validation {
    condition     = var.videos_per_instance >= 1
    error_message = "videos_per_instance must be at least 1."
  }
}

variable "autoscaler_image" {
  description = "Image of Google's Cloud Run External Metrics Autoscaler"
  type        = string
  default     = "us-central1-docker.pkg.dev/cloud-run-oss-images/crema-v1/autoscaler:1.0"
}

variable "autoscaler_base_image" {
  description = "Base image on which Cloud Run places the autoscaler, kept up to date by Cloud Run"
  type        = string
  default     = "us-central1-docker.pkg.dev/serverless-runtimes/google-24/runtimes/java25"
}
