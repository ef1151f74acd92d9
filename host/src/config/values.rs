//! Text and TOML values as the types that settings have.

use anyhow::{Context as _, bail, ensure};
use framemill_contract::Interval;
use std::net::SocketAddr;
use std::time::Duration;

/// A TOML value as the text that a variable would hold.
pub(super) fn plain(name: &str, value: &toml::Value) -> anyhow::Result<String> {
    Ok(match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Array(values) => {
            let values: anyhow::Result<Vec<_>> =
                values.iter().map(|value| plain(name, value)).collect();
            values?.join(",")
        }
        other => bail!(
            "configuration `{name}` is a {}, not a string, number, flag or list",
            other.type_str()
        ),
    })
}

pub(super) fn number(name: &str, text: &str, min: u64, max: u64) -> anyhow::Result<u64> {
    let value = text
        .trim()
        .parse()
        .ok()
        .filter(|value| (min..=max).contains(value));
    value.with_context(|| {
        format!("configuration `{name}`: `{text}` is not a whole number from {min} to {max}")
    })
}

pub(super) fn time(name: &str, text: &str) -> anyhow::Result<Duration> {
    let interval: Interval = text
        .parse()
        .map_err(|reason| anyhow::anyhow!("configuration `{name}`: {reason}"))?;
    ensure!(
        interval.micros() > 0,
        "configuration `{name}`: is zero: write 1s, 500ms or 2m"
    );
    Ok(Duration::from_micros(interval.micros()))
}

/// IP address and port.
pub(super) fn address(name: &str, text: &str) -> anyhow::Result<SocketAddr> {
    let address = text.trim().parse();
    address.with_context(|| {
        format!(
            "configuration `{name}`: `{text}` is not an address and port such as 127.0.0.1:8400"
        )
    })
}

/// As [`time`]; `None` for `off`.
pub(super) fn time_or_off(name: &str, text: &str) -> anyhow::Result<Option<Duration>> {
    match text.trim() {
        "off" => Ok(None),
        text => time(name, text).map(Some),
    }
}

/// `512MiB`, `1GiB`, `800MB` or a number of bytes.
pub(super) fn size(name: &str, text: &str) -> anyhow::Result<u64> {
    const LEAST: u64 = 16 << 20;
    const MOST: u64 = 4 << 30;
    let text = text.trim();
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (count, unit) = text.split_at(split);
    let unit: Option<u64> = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kib" | "k" => Some(1 << 10),
        "mib" | "m" => Some(1 << 20),
        "gib" | "g" => Some(1 << 30),
        "kb" => Some(1_000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        _ => None,
    };
    let bytes = unit
        .zip(count.trim().parse::<u64>().ok())
        .and_then(|(unit, count)| unit.checked_mul(count))
        .with_context(|| {
            format!("configuration `{name}`: `{text}` is not a size: write 512MiB or 1GiB")
        })?;
    ensure!(
        (LEAST..=MOST).contains(&bytes),
        "configuration `{name}`: {text} is out of range: 16MiB to 4GiB (a sandbox's address space)"
    );
    Ok(bytes)
}
