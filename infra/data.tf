# Firestore and BigQuery, each where it is switched on: the bucket has all that is in them, and fills
# them again.

# The annotation of each frame that counts, as a document.
resource "google_firestore_database" "annotations" {
  count = var.firestore ? 1 : 0

  name                    = var.name
  location_id             = var.region
  type                    = "FIRESTORE_NATIVE"
  delete_protection_state = var.protect_data ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  # Else `terraform destroy` would only forget it.
  deletion_policy = "DELETE"

  depends_on = [google_project_service.api]
}

# The warehouse's tables: load jobs of the host make and replace them.
resource "google_bigquery_dataset" "warehouse" {
  count = var.bigquery ? 1 : 0

  dataset_id                 = replace(var.name, "-", "_")
  location                   = var.region
  description                = "Tables of framemill's frames and annotations"
  labels                     = local.labels
  delete_contents_on_destroy = !var.protect_data

  depends_on = [google_project_service.api]
}
