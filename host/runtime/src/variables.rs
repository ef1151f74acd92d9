//! A component's configuration: the import `fermyon:spin/variables@2.0.0`, as Spin answers it.

use super::bindings::fermyon::spin::variables::{Error, Host, add_to_linker as add};
use super::state::State;
use framemill_contract::{ConfigKey, KEYS, LABEL_KEYS};
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

/// What extract-frames can read: each of its keys, from `given` or with its default, and what
/// only the host knows.
pub fn component_variables(
    given: &BTreeMap<String, String>,
    sha256: &str,
    cores: usize,
) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<String, String> = KEYS
        .iter()
        .map(|key| {
            let value = given.get(key.name).map_or(key.default, String::as_str);
            (key.name.to_owned(), value.to_owned())
        })
        .collect();
    if !given.contains_key("parallel_segments") {
        variables.insert(
            "parallel_segments".to_owned(),
            cores.clamp(1, 256).to_string(),
        );
    }
    of_the_host(&mut variables, sha256);
    variables
}

/// What a labeling component can read: each key of request-labeling, from `given` or with its
/// default. Secrets are empty: the host adds them outside.
pub fn labeling_variables(
    given: &BTreeMap<String, String>,
    sha256: &str,
) -> BTreeMap<String, String> {
    let default = |key: &ConfigKey| (key.name.to_owned(), key.default.to_owned());
    let mut variables: BTreeMap<String, String> = LABEL_KEYS.iter().map(default).collect();
    variables.extend(given.clone());
    of_the_host(&mut variables, sha256);
    variables
}

/// What any other component can read: what is `given`.
pub fn custom_variables(
    mut given: BTreeMap<String, String>,
    sha256: &str,
) -> BTreeMap<String, String> {
    of_the_host(&mut given, sha256);
    given
}

/// What only the host knows: which component runs, and that it runs here, where messages are
/// trusted for and credentials are added outside.
fn of_the_host(variables: &mut BTreeMap<String, String>, sha256: &str) {
    variables.insert("component_sha256".to_owned(), sha256.to_owned());
    variables.insert("host".to_owned(), "framemill".to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_a_value() {
        let given = BTreeMap::from([("quality".to_owned(), "80".to_owned())]);
        let variables = component_variables(&given, "abc", 6);
        assert_eq!(variables.len(), KEYS.len() + 1);
        assert_eq!(variables["host"], "framemill");
        let get = |name: &str| look_up(&variables, name.to_owned()).unwrap();
        assert_eq!((get("quality"), get("every")), ("80".into(), "1s".into()));
        assert_eq!(get("parallel_segments"), "6");
        assert_eq!(get("component_sha256"), "abc");
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
