# The host pulls, so it is a worker pool: no port, no request, processors on as long as it runs.
# A worker pool has no autoscaling of its own. Google's answer is the External Metrics Autoscaler
# (CREMA, in Preview; KEDA inside): a small service that reads the backlog from Cloud Monitoring,
# which lags by two to four minutes, and sets the number of instances.

locals {
  runs = var.image == null || length(local.pulled) == 0 ? 0 : 1

  pulled_ids = { for key, queue in local.pulled : key => google_pubsub_subscription.pull[key].id }

  # `cargo xtask check-infra` knows these names.
  settings = {
    bucket                 = local.bucket
    video_path             = var.video_path
    image_path             = var.image_path
    manifest_path          = var.manifest_path
    record_path            = var.record_path
    max_attempts           = var.max_attempts
    dead_letters           = google_pubsub_topic.dead_letters.id
    subscription           = try(local.pulled_ids["videos"], local.pulled_ids["manifests"], "")
    manifests_subscription = try(local.pulled_ids["manifests"], "")
    labeling_settings      = var.labeling_settings
    annotations_settings = var.annotations ? merge(
      {
        source     = "pubsub://${local.pulled_ids["webhooks"]}"
        sync_every = var.annotations_sync_every
      },
      var.firestore ? {
        firestore            = google_firestore_database.annotations[0].id
        firestore_collection = var.firestore_collection
      } : {}
    ) : {}
    warehouse_settings = var.warehouse ? merge(
      { refresh_every = var.warehouse_refresh_every },
      var.bigquery ? {
        bigquery          = "${var.project}.${google_bigquery_dataset.warehouse[0].dataset_id}"
        bigquery_location = google_bigquery_dataset.warehouse[0].location
      } : {}
    ) : {}
  }

  config = templatefile("${path.module}/framemill.toml.tftpl", local.settings)
}

# No secret is in it; Secret Manager is how a worker pool gets a file.
resource "google_secret_manager_secret" "config" {
  secret_id = "${var.name}-config"
  labels    = local.labels

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_version" "config" {
  secret      = google_secret_manager_secret.config.id
  secret_data = local.config
}

resource "google_cloud_run_v2_worker_pool" "host" {
  count = local.runs

  name                = "${var.name}-host"
  location            = var.region
  launch_stage        = "BETA"
  labels              = local.labels
  deletion_protection = false

  scaling {
    scaling_mode          = "MANUAL"
    manual_instance_count = var.min_instances
  }

  template {
    service_account = google_service_account.host.email

    containers {
      image = var.image
      args  = ["up", "--config", "/etc/framemill/framemill.toml", "--log", "json"]

      resources {
        limits = {
          cpu    = tostring(var.cpu)
          memory = var.memory
        }
      }

      dynamic "env" {
        for_each = var.secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }

      volume_mounts {
        name       = "config"
        mount_path = "/etc/framemill"
      }
    }

    volumes {
      name = "config"
      secret {
        secret = google_secret_manager_secret.config.secret_id
        items {
          path    = "framemill.toml"
          version = google_secret_manager_secret_version.config.version
        }
      }
    }
  }

  lifecycle {
    # The autoscaler's to set.
    ignore_changes = [scaling[0].manual_instance_count]

    precondition {
      condition     = var.max_instances >= var.min_instances
      error_message = "max_instances must not be below min_instances."
    }
  }

  depends_on = [
    google_bigquery_dataset_iam_member.host_loads,
    google_project_iam_member.host_mirrors,
    google_project_iam_member.host_starts_loads,
    google_pubsub_subscription_iam_member.host_pulls,
    google_pubsub_subscription_iam_member.host_sees,
    google_pubsub_subscription_iam_member.host_sees_dead_letters,
    google_pubsub_topic_iam_member.host_publishes_dead_letters,
    google_pubsub_topic_iam_member.host_sees_dead_letters,
    google_secret_manager_secret_iam_member.host_reads_config,
    google_secret_manager_secret_iam_member.host_reads_secrets,
  ]
}
