resource "google_service_account" "autoscaler" {
  count = local.runs

  account_id   = "${var.name}-autoscaler"
  display_name = "framemill autoscaler: reads the backlog, sets the number of instances"

  depends_on = [google_project_service.api]
}

locals {
  autoscaler = [for account in google_service_account.autoscaler : "serviceAccount:${account.email}"]
}

# A metric belongs to the project: Google has no narrower place for this role.
resource "google_project_iam_member" "autoscaler_reads_metrics" {
  count = local.runs

  project = var.project
  role    = "roles/monitoring.viewer"
  member  = local.autoscaler[0]
}

# Parameters hold configuration and no secrets; they carry no policy of their own.
resource "google_project_iam_member" "autoscaler_reads_config" {
  count = local.runs

  project = var.project
  role    = "roles/parametermanager.parameterViewer"
  member  = local.autoscaler[0]
}

resource "google_cloud_run_v2_worker_pool_iam_member" "autoscaler_scales" {
  count = local.runs

  name     = google_cloud_run_v2_worker_pool.host[0].name
  location = var.region
  role     = "roles/run.developer"
  member   = local.autoscaler[0]
}

# Cloud Run asks this of everyone who changes what runs as the host.
resource "google_service_account_iam_member" "autoscaler_acts_as_host" {
  count = local.runs

  service_account_id = google_service_account.host.name
  role               = "roles/iam.serviceAccountUser"
  member             = local.autoscaler[0]
}

resource "google_parameter_manager_parameter" "autoscaler" {
  count = local.runs

  parameter_id = "${var.name}-autoscaler"
  format       = "YAML"
  labels       = local.labels

  depends_on = [google_project_service.api]
}

resource "google_parameter_manager_parameter_version" "autoscaler" {
  count = local.runs

  parameter            = google_parameter_manager_parameter.autoscaler[0].id
  parameter_version_id = "v${substr(sha256(local.autoscaler_config[0]), 0, 12)}"
  parameter_data       = local.autoscaler_config[0]
}

locals {
  autoscaler_config = [for pool in google_cloud_run_v2_worker_pool.host : yamlencode({
    apiVersion = "crema/v1"
    kind       = "CremaConfig"
    spec = {
      pollingInterval = 30
      triggerAuthentications = [{
        metadata = { name = "own-identity" }
        spec     = { podIdentity = { provider = "gcp" } }
      }]
      scaledObjects = [{
        spec = {
          scaleTargetRef  = { name = "projects/${var.project}/locations/${var.region}/workerpools/${pool.name}" }
          minReplicaCount = var.min_instances
          maxReplicaCount = var.max_instances
          triggers = [for key, queue in local.pulled : {
            type = "gcp-pubsub"
            name = key
            metadata = {
              subscriptionName = google_pubsub_subscription.pull[key].id
              mode             = "SubscriptionSize"
              # A manifest or a webhook is a few requests to the labeling system, a video is computed.
              value = tostring(key == "videos" ? var.videos_per_instance : var.videos_per_instance * 10)
            }
            authenticationRef = { name = "own-identity" }
          }]
        }
      }]
    }
  })]
}

resource "google_cloud_run_v2_service" "autoscaler" {
  count = local.runs

  name                = "${var.name}-autoscaler"
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  labels              = merge(local.labels, { created-by = "crema" })
  deletion_protection = false

  scaling {
    min_instance_count = 1
  }

  template {
    service_account = google_service_account.autoscaler[0].email

    scaling {
      max_instance_count = 1
    }

    containers {
      image          = var.autoscaler_image
      base_image_uri = var.autoscaler_base_image

      resources {
        # It polls between requests.
        cpu_idle = false
      }

      env {
        name  = "CREMA_CONFIG"
        value = google_parameter_manager_parameter_version.autoscaler[0].name
      }
    }
  }

  depends_on = [
    google_cloud_run_v2_worker_pool_iam_member.autoscaler_scales,
    google_project_iam_member.autoscaler_reads_config,
    google_project_iam_member.autoscaler_reads_metrics,
    google_service_account_iam_member.autoscaler_acts_as_host,
  ]
}
