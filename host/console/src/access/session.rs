//! A session: a cookie that says until when, and proves that whoever has it knew the token.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Name of the cookie.
const COOKIE: &str = "framemill_session";
/// How long it counts.
const LASTS: Duration = Duration::from_secs(12 * 3600);

/// The header that begins a session. The cookie is not the token: who reads it can do no more than
/// this session does.
pub(super) fn begin(token: &str, now: SystemTime) -> String {
    let until = seconds(now).saturating_add(LASTS.as_secs());
    let value = format!("{until}.{}", hex::encode(proof(token, until)));
    let age = LASTS.as_secs();
    format!("{COOKIE}={value}; Path=/console; Max-Age={age}; HttpOnly; SameSite=Strict")
}

/// Whether a header of cookies has a session that counts now.
pub(super) fn is_open(cookies: &str, token: &str, now: SystemTime) -> bool {
    let values = cookies.split(';').filter_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    });
    values.into_iter().any(|value| {
        let Some((until, given)) = value.split_once('.') else {
            return false;
        };
        let (Ok(until), Ok(given)) = (until.parse::<u64>(), hex::decode(given)) else {
            return false;
        };
        mac(token, until).is_some_and(|mac| mac.verify_slice(&given).is_ok())
            && seconds(now) < until
    })
}

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

fn mac(token: &str, until: u64) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).ok()?;
    mac.update(format!("console until {until}").as_bytes());
    Some(mac)
}

fn proof(token: &str, until: u64) -> Vec<u8> {
    mac(token, until).map_or_else(Vec::new, |mac| mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_and_cannot_be_made_up() {
        let now = SystemTime::now();
        let header = begin("secret", now);
        assert!(header.contains("HttpOnly") && !header.contains("secret"));
        let cookie = header.split(';').next().unwrap();
        assert!(is_open(&format!("a=b; {cookie}"), "secret", now));
        assert!(!is_open(cookie, "other", now));
        assert!(!is_open(cookie, "secret", now + LASTS));
        let (until, proof) = cookie.split_once('.').unwrap();
        let later = format!("{until}9.{proof}");
        for cookie in [
            later.as_str(),
            "framemill_session=9999999999.",
            "",
            "framemill_session",
        ] {
            assert!(!is_open(cookie, "secret", now), "{cookie}");
        }
    }
}
