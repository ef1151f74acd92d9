//! The import, answered from a component's store.

use super::handle::Handle;
use crate::bindings::fermyon::spin::key_value::{Error, Host, HostStore, add_to_linker as add};
use crate::state::State;
use wasmtime::component::{HasSelf, Linker, Resource};

/// The one store that there is.
const DEFAULT: &str = "default";
/// Open at the same time in one sandbox; as in Spin.
const MOST_OPEN: usize = 256;

pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    add::<_, HasSelf<State>>(linker, |state| state)
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
