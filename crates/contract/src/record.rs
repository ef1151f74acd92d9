//! Records of a schema.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Characters of a foreign schema's name that are shown.
const MOST_SHOWN: usize = 100;

/// Why bytes are no record of a schema.
#[derive(Debug, Error)]
pub enum RecordError {
    /// Not JSON, or not of the schema's form.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Another version or kind.
    #[error("schema is `{found}`, not `{wanted}`")]
    Schema {
        /// What it says.
        found: String,
        /// What was asked for.
        wanted: &'static str,
    },
}

/// Reads a record. Its schema is looked at first: another version may read like this one, and mean
/// something else.
///
/// # Errors
/// [`RecordError`].
pub fn parse_record<T: DeserializeOwned>(
    bytes: &[u8],
    schema: &'static str,
) -> Result<T, RecordError> {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    let head: Head = serde_json::from_slice(bytes)?;
    if head.schema != schema {
        return Err(RecordError::Schema {
            found: head.schema.chars().take(MOST_SHOWN).collect(),
            wanted: schema,
        });
    }
    Ok(serde_json::from_slice(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn another_schema_is_named_before_anything_else() {
        let read = |text: &str| {
            let read = parse_record::<Value>(text.as_bytes(), "framemill.x/1");
            read.map_err(|error| error.to_string())
        };
        assert!(read(r#"{"schema": "framemill.x/1", "a": 1}"#).is_ok());
        let other = read(r#"{"schema": "framemill.x/2"}"#).unwrap_err();
        assert_eq!(other, "schema is `framemill.x/2`, not `framemill.x/1`");
        assert!(read("{}").unwrap_err().contains("missing field `schema`"));
        assert!(read("").is_err());
        let long = format!(r#"{{"schema": "{}"}}"#, "x".repeat(1000));
        assert!(read(&long).unwrap_err().len() < 200);
    }
}
