# For annotations that come back; nothing writes to them yet.

resource "google_firestore_database" "annotations" {
  name                    = var.name
  location_id             = var.region
  type                    = "FIRESTORE_NATIVE"
  delete_protection_state = var.protect_data ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  # Else `terraform destroy` would only forget it.
  deletion_policy = "DELETE"

  depends_on = [google_project_service.api]
}

resource "google_bigquery_dataset" "annotations" {
  dataset_id                 = replace(var.name, "-", "_")
  location                   = var.region
  description                = "Annotations of framemill's images"
  labels                     = local.labels
  delete_contents_on_destroy = !var.protect_data

  depends_on = [google_project_service.api]
}
