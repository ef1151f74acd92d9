//! What a component keeps, bounded in each way.

use crate::bindings::fermyon::spin::key_value::Error;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

const MOST_ENTRIES: usize = 1024;
const MOST_KEY: usize = 1024;
/// As on Akamai Functions.
const MOST_VALUE: usize = 1 << 20;
const MOST_TOTAL: usize = 16 << 20;

/// A component's store.
#[derive(Default)]
pub(crate) struct KeyValue(Mutex<Entries>);

/// What the store holds.
#[derive(Default)]
pub(crate) struct Entries {
    pub(crate) values: BTreeMap<String, Vec<u8>>,
    /// Bytes of all keys and values.
    total: usize,
}

impl KeyValue {
    pub(crate) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    pub(crate) fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), Error> {
        if key.len() > MOST_KEY {
            return Err(full(format!("key is over {MOST_KEY} bytes")));
        }
        if value.len() > MOST_VALUE {
            return Err(full(format!(
                "value is over {} MiB: keep large things as objects",
                MOST_VALUE >> 20
            )));
        }
        let before = self.values.get(&key).map(|value| size(&key, value));
        if before.is_none() && self.values.len() >= MOST_ENTRIES {
            return Err(full(format!(
                "store holds {MOST_ENTRIES} entries, the most: delete some"
            )));
        }
        let total = self.total.saturating_sub(before.unwrap_or(0));
        let total = total.saturating_add(size(&key, &value));
        if total > MOST_TOTAL {
            return Err(full(format!(
                "store would hold over {} MiB: delete some",
                MOST_TOTAL >> 20
            )));
        }
        self.total = total;
        self.values.insert(key, value);
        Ok(())
    }

    pub(crate) fn delete(&mut self, key: &str) {
        if let Some(value) = self.values.remove(key) {
            self.total = self.total.saturating_sub(size(key, &value));
        }
    }
}

fn size(key: &str, value: &[u8]) -> usize {
    key.len().saturating_add(value.len())
}

fn full(reason: String) -> Error {
    Error::Other(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(entries: &mut Entries, key: &str, bytes: usize) -> Result<(), String> {
        entries
            .set(key.to_owned(), vec![0; bytes])
            .map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn a_store_is_bounded_in_each_way() {
        let mut entries = Entries::default();
        let refused = |result: Result<(), String>, why: &str| {
            let error = result.unwrap_err();
            assert!(error.contains(why), "{error}");
        };
        refused(
            set(&mut entries, &"k".repeat(MOST_KEY + 1), 0),
            "key is over",
        );
        refused(
            set(&mut entries, "a", MOST_VALUE + 1),
            "value is over 1 MiB",
        );
        for number in 0..15 {
            set(&mut entries, &format!("{number:02}"), MOST_VALUE).unwrap();
        }
        refused(set(&mut entries, "15", MOST_VALUE), "over 16 MiB");
        // A replacement takes the place of what was there.
        set(&mut entries, "00", MOST_VALUE).unwrap();
        assert_eq!(entries.total, 15 * (MOST_VALUE + 2));
        entries.delete("00");
        entries.delete("not there");
        assert_eq!(entries.total, 14 * (MOST_VALUE + 2));
        for number in 0..MOST_ENTRIES - 14 {
            set(&mut entries, &format!("n{number}"), 1).unwrap();
        }
        refused(set(&mut entries, "one more", 1), "1024 entries");
        set(&mut entries, "n0", 2).unwrap();
    }
}
