//! Values that a component keeps across requests: the import `fermyon:spin/key-value@2.0.0`, as
//! Spin answers it. They are kept in memory, for as long as the host runs, and each component
//! has its own: a cache, not a place for what must last.

use super::bindings::fermyon::spin::key_value::{Error, Host, HostStore, add_to_linker as add};
use super::state::State;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use wasmtime::component::{HasSelf, Linker, Resource};

/// The one store that there is.
const DEFAULT: &str = "default";
const MOST_ENTRIES: usize = 1024;
const MOST_KEY: usize = 1024;
/// As on Akamai Functions.
const MOST_VALUE: usize = 1 << 20;
const MOST_TOTAL: usize = 16 << 20;
/// Open at the same time in one sandbox; as in Spin.
const MOST_OPEN: usize = 256;

/// An open store, as the component holds it.
pub struct Handle;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    add::<_, HasSelf<State>>(linker, |state| state)
}

/// A component's store.
#[derive(Default)]
pub(super) struct KeyValue(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    values: BTreeMap<String, Vec<u8>>,
    /// Bytes of all keys and values.
    total: usize,
}

impl KeyValue {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), Error> {
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

    fn delete(&mut self, key: &str) {
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

impl Host for State {}

impl HostStore for State {
    fn open(&mut self, label: String) -> wasmtime::Result<Result<Resource<Handle>, Error>> {
        if label != DEFAULT {
            return Ok(Err(Error::AccessDenied));
        }
        if self.open_stores >= MOST_OPEN {
            return Ok(Err(Error::StoreTableFull));
        }
        let handle = self.table.push(Handle)?;
        self.open_stores = self.open_stores.saturating_add(1);
        Ok(Ok(handle))
    }

    fn get(
        &mut self,
        store: Resource<Handle>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        self.table.get(&store)?;
        Ok(Ok(self.key_value.entries().values.get(&key).cloned()))
    }

    fn set(
        &mut self,
        store: Resource<Handle>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.table.get(&store)?;
        Ok(self.key_value.entries().set(key, value))
    }

    fn delete(
        &mut self,
        store: Resource<Handle>,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.table.get(&store)?;
        self.key_value.entries().delete(&key);
        Ok(Ok(()))
    }

    fn exists(
        &mut self,
        store: Resource<Handle>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        self.table.get(&store)?;
        Ok(Ok(self.key_value.entries().values.contains_key(&key)))
    }

    fn get_keys(
        &mut self,
        store: Resource<Handle>,
    ) -> wasmtime::Result<Result<Vec<String>, Error>> {
        self.table.get(&store)?;
        Ok(Ok(self
            .key_value
            .entries()
            .values
            .keys()
            .cloned()
            .collect()))
    }

    fn drop(&mut self, store: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        self.open_stores = self.open_stores.saturating_sub(1);
        Ok(())
    }
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
