output "upload_to" {
  description = "Where videos are uploaded"
  value       = "gs://${google_storage_bucket.dataset.name}/${var.video_path}/"
}

output "temp_bucket" {
  description = "Bucket whose objects are deleted after temp_days"
  value       = google_storage_bucket.temp.name
}

output "repository" {
  description = "Where the host's image is pushed; add /framemill:TAG"
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "service_account" {
  description = "Who the host runs as"
  value       = google_service_account.host.email
}

output "push_service_account" {
  description = "Whose token pushes carry, for the receiver to check; null where nothing is pushed"
  value       = one(google_service_account.push[*].email)
}

output "subscriptions" {
  description = "Subscriptions by queue, and the one that keeps dead letters"
  value = merge(
    { for key, subscription in local.subscriptions : key => subscription.name },
    { dead-letters = google_pubsub_subscription.dead_letters.name }
  )
}

output "webhook_url" {
  description = "Where the labeling system sends its webhooks, with the secret of annotations_webhook_secret; null where none are taken"
  value       = one([for service in google_cloud_run_v2_service.webhooks : "${service.uri}/annotations/${var.labeling_settings["target"]}"])
}

output "firestore_database" {
  description = "Firestore database with the annotation of each frame; null where it is off"
  value       = one(google_firestore_database.annotations[*].id)
}

output "bigquery_dataset" {
  description = "BigQuery dataset with the warehouse's tables; null where it is off"
  value       = one(google_bigquery_dataset.warehouse[*].dataset_id)
}

output "framemill_toml" {
  description = "The host's configuration, for a host that runs elsewhere: terraform output -raw framemill_toml >framemill.toml"
  value       = local.config
}
