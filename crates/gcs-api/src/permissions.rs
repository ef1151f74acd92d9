//! The answer to `testPermissions`.

use serde::{Deserialize, Serialize};

/// Which of the permissions that were asked for are granted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "storage#testIamPermissionsResponse")]
pub struct Permissions {
    /// Such as `storage.objects.create`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_that_are_not_named_are_not_granted() {
        let none: Permissions = serde_json::from_str("{}").unwrap();
        assert_eq!(none, Permissions::default());
        let text = r#"{"kind":"storage#testIamPermissionsResponse","permissions":["a"]}"#;
        let one: Permissions = serde_json::from_str(text).unwrap();
        assert_eq!(one.permissions, ["a"]);
        assert_eq!(serde_json::to_string(&one).unwrap(), text);
    }
}
