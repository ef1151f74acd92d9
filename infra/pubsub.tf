# A topic for each kind of work, so that a backlog of one is not taken for one of the other. Images
# are nobody's event: only videos are told of, manifests with `labeling`, and webhooks of labeling
# systems with `annotations`.
locals {
  queues = merge(
    {
      videos = {
        prefix        = "${var.video_path}/"
        push_endpoint = var.push_endpoint
      }
    },
    var.labeling ? {
      manifests = {
        prefix        = "${var.manifest_path}/"
        push_endpoint = var.labeling_push_endpoint
      }
    } : {},
    var.annotations ? {
      webhooks = {
        prefix        = "${local.webhook_path}/"
        push_endpoint = null
      }
    } : {}
  )

  # A queue is pulled or pushed, never both: two subscriptions would do everything twice.
  pulled = { for key, queue in local.queues : key => queue if queue.push_endpoint == null }
  pushed = { for key, queue in local.queues : key => queue if queue.push_endpoint != null }

  subscriptions = merge(google_pubsub_subscription.pull, google_pubsub_subscription.push)
}

resource "google_pubsub_topic" "events" {
  for_each = local.queues

  name   = "${var.name}-${each.key}"
  labels = local.labels

  depends_on = [google_project_service.api]
}

resource "google_storage_notification" "finalized" {
  for_each = local.queues

  bucket             = google_storage_bucket.dataset.name
  topic              = google_pubsub_topic.events[each.key].id
  payload_format     = "JSON_API_V1"
  event_types        = ["OBJECT_FINALIZE"]
  object_name_prefix = each.value.prefix

  depends_on = [google_pubsub_topic_iam_member.storage_publishes]
}

resource "google_pubsub_subscription" "pull" {
  for_each = local.pulled

  name                         = "${var.name}-${each.key}"
  topic                        = google_pubsub_topic.events[each.key].id
  labels                       = local.labels
  ack_deadline_seconds         = 600
  enable_exactly_once_delivery = var.exactly_once
  message_retention_duration   = "604800s"

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  # The host counts too, and gives a message up first and says why. This is for messages of which
  # it can say nothing any more: each delivery kills it.
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters.id
    max_delivery_attempts = var.max_attempts + 5
  }
}

resource "google_pubsub_subscription" "push" {
  for_each = local.pushed

  name                       = "${var.name}-${each.key}-push"
  topic                      = google_pubsub_topic.events[each.key].id
  labels                     = local.labels
  ack_deadline_seconds       = 600
  message_retention_duration = "604800s"

  push_config {
    push_endpoint = each.value.push_endpoint

    oidc_token {
      service_account_email = google_service_account.push[0].email
      audience              = each.value.push_endpoint
    }
  }

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters.id
    max_delivery_attempts = var.max_attempts
  }

  depends_on = [google_service_account_iam_member.pubsub_signs_pushes]
}

resource "google_pubsub_topic" "dead_letters" {
  name   = "${var.name}-dead-letters"
  labels = local.labels

  depends_on = [google_project_service.api]
}

# A topic without a subscription keeps nothing. The host looks for it by this name.
resource "google_pubsub_subscription" "dead_letters" {
  name                       = "${google_pubsub_topic.dead_letters.name}-kept"
  topic                      = google_pubsub_topic.dead_letters.id
  labels                     = local.labels
  ack_deadline_seconds       = 60
  message_retention_duration = "2678400s"

  expiration_policy {
    ttl = ""
  }
}
