# Who may do what: no key, no basic role, and nothing on the whole project but what Google has no
# narrower place for.

locals {
  host         = "serviceAccount:${google_service_account.host.email}"
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  any_push     = length(local.pushed) > 0 ? 1 : 0
}

resource "google_service_account" "host" {
  account_id   = "${var.name}-host"
  display_name = "framemill host: reads videos, creates images and records"

  depends_on = [google_project_service.api]
}

# Buckets

resource "google_storage_bucket_iam_member" "host_reads" {
  bucket = google_storage_bucket.dataset.name
  role   = "roles/storage.objectViewer"
  member = local.host
}

# Create, and delete what a crash left unfinished; videos stay out of its reach.
resource "google_storage_bucket_iam_member" "host_writes" {
  for_each = toset(concat(
    [var.image_path, var.manifest_path, var.record_path],
    var.warehouse ? [local.warehouse_path] : []
  ))

  bucket = google_storage_bucket.dataset.name
  role   = "roles/storage.objectUser"
  member = local.host

  condition {
    title      = "below-${replace(each.value, "/", "-")}"
    expression = "resource.name.startsWith(\"projects/_/buckets/${local.bucket}/objects/${each.value}/\")"
  }
}

# `framemill dataset build` reads manifests, annotations and images, and writes datasets.
resource "google_storage_bucket_iam_member" "builders_read" {
  for_each = var.dataset_builders

  bucket = google_storage_bucket.dataset.name
  role   = "roles/storage.objectViewer"
  member = each.value
}

resource "google_storage_bucket_iam_member" "builders_write" {
  for_each = var.dataset_builders

  bucket = google_storage_bucket.dataset.name
  role   = "roles/storage.objectUser"
  member = each.value

  condition {
    title      = "below-${local.dataset_path}"
    expression = "resource.name.startsWith(\"projects/_/buckets/${local.bucket}/objects/${local.dataset_path}/\")"
  }
}

# `framemill check` looks at the bucket and its notifications.
resource "google_storage_bucket_iam_member" "host_sees_bucket" {
  bucket = google_storage_bucket.dataset.name
  role   = "roles/storage.legacyBucketReader"
  member = local.host
}

resource "google_storage_bucket_iam_member" "host_uses_temp" {
  bucket = google_storage_bucket.temp.name
  role   = "roles/storage.objectUser"
  member = local.host
}

# Topics and subscriptions

data "google_storage_project_service_account" "storage" {
  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic_iam_member" "storage_publishes" {
  for_each = local.queues

  topic  = google_pubsub_topic.events[each.key].id
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:${data.google_storage_project_service_account.storage.email_address}"
}

resource "google_pubsub_subscription_iam_member" "host_pulls" {
  for_each = local.pulled

  subscription = google_pubsub_subscription.pull[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = local.host
}

# The host reads a subscription's settings before it pulls.
resource "google_pubsub_subscription_iam_member" "host_sees" {
  for_each = local.pulled

  subscription = google_pubsub_subscription.pull[each.key].id
  role         = "roles/pubsub.viewer"
  member       = local.host
}

# `framemill sweep` and `framemill failures retry` queue what was missed or failed.
resource "google_pubsub_topic_iam_member" "host_publishes" {
  for_each = local.queues

  topic  = google_pubsub_topic.events[each.key].id
  role   = "roles/pubsub.publisher"
  member = local.host
}

resource "google_pubsub_topic_iam_member" "host_publishes_dead_letters" {
  topic  = google_pubsub_topic.dead_letters.id
  role   = "roles/pubsub.publisher"
  member = local.host
}

# The host looks for the topic of dead letters and what keeps them when it starts, and ends where
# neither is to be found.
resource "google_pubsub_topic_iam_member" "host_sees_dead_letters" {
  topic  = google_pubsub_topic.dead_letters.id
  role   = "roles/pubsub.viewer"
  member = local.host
}

resource "google_pubsub_subscription_iam_member" "host_sees_dead_letters" {
  subscription = google_pubsub_subscription.dead_letters.id
  role         = "roles/pubsub.viewer"
  member       = local.host
}

# `framemill failures` lists them, and takes those that it queues again.
resource "google_pubsub_subscription_iam_member" "host_pulls_dead_letters" {
  subscription = google_pubsub_subscription.dead_letters.id
  role         = "roles/pubsub.subscriber"
  member       = local.host
}

# Pub/Sub moves dead letters as its own agent: it publishes there and acks here.
resource "google_pubsub_topic_iam_member" "pubsub_publishes_dead_letters" {
  topic  = google_pubsub_topic.dead_letters.id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "pubsub_moves_dead_letters" {
  for_each = local.queues

  subscription = local.subscriptions[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

# Pushes carry a token of this account, which the receiver checks; it may do nothing else.
resource "google_service_account" "push" {
  count = local.any_push

  account_id   = "${var.name}-push"
  display_name = "framemill push: signs the pushes of Pub/Sub"

  depends_on = [google_project_service.api]
}

resource "google_service_account_iam_member" "pubsub_signs_pushes" {
  count = local.any_push

  service_account_id = google_service_account.push[0].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent
}

# Firestore and BigQuery

# A database has no policy of its own: the condition is what keeps it to this one.
resource "google_project_iam_member" "host_mirrors" {
  count = var.firestore ? 1 : 0

  project = var.project
  role    = "roles/datastore.user"
  member  = local.host

  condition {
    title      = "database-${var.name}"
    expression = "resource.name == \"${google_firestore_database.annotations[0].id}\""
  }
}

# A job belongs to the project. The role starts jobs, and reads and writes no data.
resource "google_project_iam_member" "host_starts_loads" {
  count = var.bigquery ? 1 : 0

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = local.host
}

# Makes the tables and replaces what is in them. A load job reads the bucket as the host.
resource "google_bigquery_dataset_iam_member" "host_loads" {
  count = var.bigquery ? 1 : 0

  dataset_id = google_bigquery_dataset.warehouse[0].dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = local.host
}

# Signed addresses and secrets

resource "google_service_account_iam_member" "host_signs_urls" {
  count = var.sign_urls ? 1 : 0

  service_account_id = google_service_account.host.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.host
}

resource "google_secret_manager_secret_iam_member" "host_reads_secrets" {
  for_each = toset(values(var.secrets))

  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = local.host
}

resource "google_secret_manager_secret_iam_member" "host_reads_config" {
  secret_id = google_secret_manager_secret.config.id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.host
}
