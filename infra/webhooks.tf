# Webhooks of labeling systems, where `annotations_webhook_secret` names their secret. Systems outside
# of Google send them, so this service is the one thing that anyone may call: framemill itself refuses
# what does not prove to know the secret. It runs as an identity that can do one thing, keep objects
# below records/webhooks/. Their events bring the host, which does all else. So the listener's other
# doors lead nowhere: pushes are refused, and images cannot be read.

locals {
  takes_webhooks = var.image == null || var.annotations_webhook_secret == null ? 0 : 1
  webhooks       = [for account in google_service_account.webhooks : "serviceAccount:${account.email}"]

  # `cargo xtask check-infra` asks the host for its opinion of these.
  webhooks_environment = merge(
    { for key, value in var.labeling_settings : "FRAMEMILL_LABELING_${upper(key)}" => value },
    {
      FRAMEMILL_LISTEN        = "0.0.0.0:8080"
      FRAMEMILL_STORE         = "gs://${local.bucket}"
      FRAMEMILL_VIDEO_PATH    = var.video_path
      FRAMEMILL_IMAGE_PATH    = var.image_path
      FRAMEMILL_MANIFEST_PATH = var.manifest_path
      FRAMEMILL_RECORD_PATH   = var.record_path
      # The bucket's own notifications bring the host.
      FRAMEMILL_SOURCE = "none"
      # No message comes here, and so no sandbox runs.
      FRAMEMILL_MEMORY_LIMIT = "256MiB"
      # It never asks the labeling system anything, and has no credential to lose.
      FRAMEMILL_LABELING_TOKEN = "none"
      # As seldom as can be: the host asks for syncs.
      FRAMEMILL_ANNOTATIONS_SYNC_EVERY = "168h"
    }
  )
}

resource "google_service_account" "webhooks" {
  count = local.takes_webhooks

  account_id   = "${var.name}-webhooks"
  display_name = "framemill webhooks: keeps what labeling systems send"

  depends_on = [google_project_service.api]
}

# A sync that is asked for replaces the one before, so creating is not enough.
resource "google_storage_bucket_iam_member" "webhooks_writes" {
  count = local.takes_webhooks

  bucket = google_storage_bucket.dataset.name
  role   = "roles/storage.objectUser"
  member = local.webhooks[0]

  condition {
    title      = "below-${replace(local.webhook_path, "/", "-")}"
    expression = "resource.name.startsWith(\"projects/_/buckets/${local.bucket}/objects/${local.webhook_path}/\")"
  }
}

# Its probe asks whether the bucket answers, by a listing: names, and nothing of what is in objects.
resource "google_storage_bucket_iam_member" "webhooks_sees_bucket" {
  count = local.takes_webhooks

  bucket = google_storage_bucket.dataset.name
  role   = "roles/storage.legacyBucketReader"
  member = local.webhooks[0]
}

resource "google_secret_manager_secret_iam_member" "webhooks_reads_secret" {
  count = local.takes_webhooks

  secret_id = var.annotations_webhook_secret
  role      = "roles/secretmanager.secretAccessor"
  member    = local.webhooks[0]
}

resource "google_cloud_run_v2_service" "webhooks" {
  count = local.takes_webhooks

  name                = "${var.name}-webhooks"
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_ALL"
  labels              = local.labels
  deletion_protection = false

  scaling {
    min_instance_count = var.webhooks_min_instances
  }

  template {
    service_account = google_service_account.webhooks[0].email
    timeout         = "60s"

    # Bodies of up to 10 MiB are held until their sender is known.
    max_instance_request_concurrency = 20

    # One answers all webhooks there are; the second is there while the first is replaced. More would
    # only be a larger bill for whoever sends nonsense.
    scaling {
      max_instance_count = 2
    }

    containers {
      image = var.image
      args  = ["up", "--log", "json"]

      ports {
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = "1"
          memory = "1Gi"
        }
        # A webhook is kept before it is answered: nothing is done between requests.
        cpu_idle          = true
        startup_cpu_boost = true
      }

      # Requests wait until components are compiled, which takes half a minute on a slow core.
      startup_probe {
        period_seconds    = 3
        timeout_seconds   = 3
        failure_threshold = 60

        http_get {
          path = "/readyz"
        }
      }

      dynamic "env" {
        for_each = local.webhooks_environment
        content {
          name  = env.key
          value = env.value
        }
      }

      env {
        name = "FRAMEMILL_ANNOTATIONS_WEBHOOK_SECRET"
        value_source {
          secret_key_ref {
            secret  = var.annotations_webhook_secret
            version = "latest"
          }
        }
      }
    }
  }

  depends_on = [
    google_secret_manager_secret_iam_member.webhooks_reads_secret,
    google_storage_bucket_iam_member.webhooks_sees_bucket,
    google_storage_bucket_iam_member.webhooks_writes,
  ]
}

resource "google_cloud_run_v2_service_iam_member" "anyone_sends_webhooks" {
  count = local.takes_webhooks

  name     = google_cloud_run_v2_service.webhooks[0].name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}
