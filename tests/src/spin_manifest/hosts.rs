//! `allowed_outbound_hosts`: `scheme://host[:port]`.

use std::net::IpAddr;

/// Checks the form of an entry after its templates are resolved.
///
/// # Errors
/// What is wrong with it.
pub fn outbound_host(entry: &str) -> Result<(), String> {
    let (scheme, rest) = entry.split_once("://").ok_or("has no scheme")?;
    if scheme != "*" && !["http", "https"].contains(&scheme) {
        return Err(format!(
            "`{scheme}` is a scheme that wasi:http does not speak"
        ));
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if network(rest) || network(rest.rsplit_once(':').map_or(rest, |(host, _)| host)) {
        return Ok(());
    }
    if rest.contains(['/', '?', '#']) {
        return Err("has a path, which is not allowed".to_owned());
    }
    let (name, number) = match rest.rsplit_once(':') {
        Some((name, number)) if !number.ends_with(']') => (name, Some(number)),
        _ => (rest, None),
    };
    match number {
        Some(number) => port(number)?,
        None if scheme == "*" => return Err("names no port, and the scheme has none".to_owned()),
        None => {}
    }
    host(name)
}

fn network(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

fn port(text: &str) -> Result<(), String> {
    let number = |text: &str| text.parse::<u16>().is_ok();
    let range = text.split_once("..");
    let fits = text == "*" || number(text) || range.is_some_and(|(a, b)| number(a) && number(b));
    fits.then_some(()).ok_or(format!("`{text}` is no port"))
}

fn host(name: &str) -> Result<(), String> {
    if name == "*" || name == "self" {
        return Ok(());
    }
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    if address.is_some_and(|address| address.parse::<IpAddr>().is_ok()) {
        return Ok(());
    }
    let plain = name.strip_prefix("*.").unwrap_or(name);
    if plain.contains('*') {
        return Err("a wildcard stands for whole subdomains only".to_owned());
    }
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let label = |label: &str| !label.is_empty() && label.bytes().all(letter);
    match plain.split('.').all(label) {
        true => Ok(()),
        false => Err(format!("`{name}` is no host")),
    }
}
