//! A component's configuration: the import `fermyon:spin/variables@2.0.0`, as Spin answers it.

use super::bindings::fermyon::spin::variables::{Error, Host, add_to_linker as add};
use super::state::State;
use framemill_contract::SizeLimits;
use std::collections::BTreeMap;
use wasmtime::component::{HasSelf, Linker};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    add::<_, HasSelf<State>>(linker, |state| state)
}

impl Host for State {
    fn get(&mut self, name: String) -> wasmtime::Result<Result<String, Error>> {
        Ok(look_up(&self.variables, name))
    }
}

fn look_up(variables: &BTreeMap<String, String>, name: String) -> Result<String, Error> {
    if !is_name(&name) {
        return Err(Error::InvalidName(name));
    }
    match variables.get(&name) {
        Some(value) => Ok(value.clone()),
        None => Err(Error::Undefined(format!("no variable for \"{name}\""))),
    }
}

/// Words of small letters and digits, with one `_` between each two; a letter comes first.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_word = |word: &str| !word.is_empty() && word.chars().all(fits);
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.split('_').all(is_word)
}

/// What a component can read: what is given, and what only the host knows: which component runs,
/// how large things may be, and that it runs here, where messages are checked and credentials are
/// added outside.
pub fn with_host(
    mut variables: BTreeMap<String, String>,
    sha256: &str,
    limits: SizeLimits,
) -> BTreeMap<String, String> {
    for (key, value) in limits.variables() {
        variables.insert(key.to_owned(), value);
    }
    variables.insert("component_sha256".to_owned(), sha256.to_owned());
    variables.insert("host".to_owned(), "framemill".to_owned());
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_there() {
        let given = BTreeMap::from([("quality".to_owned(), "80".to_owned())]);
        let variables = with_host(given, "abc", SizeLimits::STANDARD);
        let get = |name: &str| look_up(&variables, name.to_owned()).unwrap();
        assert_eq!(
            (get("quality"), get("host")),
            ("80".into(), "framemill".into())
        );
        assert_eq!(get("component_sha256"), "abc");
        let limits = SizeLimits::from_lookup(|key| Some(get(key)));
        assert_eq!(limits, Ok(SizeLimits::STANDARD));
    }

    #[test]
    fn what_is_not_there_is_undefined() {
        let variables = BTreeMap::new();
        let undefined = look_up(&variables, "speed".to_owned()).unwrap_err();
        assert!(matches!(undefined, Error::Undefined(_)), "{undefined:?}");
        for name in ["", "aX", "1bc", "_x", "x.y", "x_", "a__b", "x-y", "é"] {
            let invalid = look_up(&variables, name.to_owned()).unwrap_err();
            assert!(matches!(invalid, Error::InvalidName(_)), "{invalid:?}");
        }
    }
}
