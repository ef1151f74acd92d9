//! Google's public keys, which change every few days: fetched, and kept for the next requests.

use super::Refused;
use crate::cache::Cache;
use crate::http::{HttpRequest, HttpResponse, Web};
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Largest set that is read: Google's has some 2 kB.
const LARGEST_SET: u64 = 64 << 10;
const MOST_KEYS: usize = 32;
/// Seconds for which a set is kept at least, and for which a key that is not in it is not asked
/// for again: made-up key names must not make us ask Google each time.
const LEAST_AGE: u64 = 60;
/// Seconds for which a set is kept at most, whatever it says of itself.
const MOST_AGE: u64 = 3600;

/// A set of keys as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Seconds after 1970.
    fetched: u64,
    /// Seconds.
    max_age: u64,
    keys: Vec<Key>,
}

/// JSON Web Key Set, RFC 7517.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

/// What we read of a key; others than RSA keys have no `n`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Key {
    kid: String,
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    n: String,
    e: String,
}

impl Key {
    fn verifies(&self) -> bool {
        self.kty == "RSA"
            && self.alg.as_deref().is_none_or(|alg| alg == "RS256")
            && self.usage.as_deref().is_none_or(|usage| usage == "sig")
    }
}

impl Kept {
    /// Its age in seconds, unless the clock was set back since.
    fn age(&self, now: u64) -> Option<u64> {
        now.checked_sub(self.fetched)
    }

    fn is_fresh(&self, now: u64) -> bool {
        self.age(now)
            .is_some_and(|age| age < self.max_age.min(MOST_AGE))
    }

    /// A key of this name; `Some(Err)` where it is none that can be used.
    fn find(&self, kid: &str) -> Option<Result<DecodingKey, Refused>> {
        let key = self.keys.iter().find(|key| key.kid == kid)?;
        let unusable = |error| Refused::NoKeys(format!("key `{kid}` cannot be used: {error}"));
        Some(DecodingKey::from_rsa_components(&key.n, &key.e).map_err(unusable))
    }
}

/// The key of this name.
pub(super) async fn find<W: Web, C: Cache>(
    web: &W,
    cache: &C,
    url: &str,
    kid: &str,
) -> Result<DecodingKey, Refused> {
    const UNKNOWN: Refused = Refused::Token("the token's key is none of Google's");
    let name = cache_name(url);
    let kept = cache.get(&name);
    let kept: Option<Kept> = kept.and_then(|kept| serde_json::from_slice(&kept).ok());
    let now = web.now();
    if let Some(kept) = kept.filter(|kept| kept.is_fresh(now)) {
        if let Some(key) = kept.find(kid) {
            return key;
        }
        if kept.age(now).is_some_and(|age| age < LEAST_AGE) {
            return Err(UNKNOWN);
        }
    }
    let kept = fetch(web, url).await?;
    if let Ok(json) = serde_json::to_vec(&kept) {
        cache.set(&name, &json);
    }
    kept.find(kid).unwrap_or(Err(UNKNOWN))
}

/// Names of values may be 255 bytes long.
fn cache_name(url: &str) -> String {
    let mut hash = hex::encode(Sha256::digest(url));
    hash.truncate(16);
    format!("framemill-push-keys-{hash}")
}

async fn fetch<W: Web>(web: &W, url: &str) -> Result<Kept, Refused> {
    let request = HttpRequest::get(url.to_owned()).at_most(LARGEST_SET);
    let failed = |reason: String| Refused::NoKeys(format!("{reason}: {url}"));
    let response = web.send(request).await;
    let response = response.map_err(|error| failed(error.to_string()))?;
    if response.status != 200 {
        return Err(failed(format!("status {}", response.status)));
    }
    let set: KeySet = serde_json::from_slice(&response.body)
        .map_err(|error| failed(format!("not a set of keys: {error}")))?;
    let keys = set.keys.into_iter().filter(Key::verifies).take(MOST_KEYS);
    Ok(Kept {
        fetched: web.now(),
        max_age: max_age(&response),
        keys: keys.collect(),
    })
}

/// Seconds for which the answer may be kept.
fn max_age(response: &HttpResponse) -> u64 {
    let directives = response.cache_control.as_deref().unwrap_or_default();
    let ages = directives.split(',').filter_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        let is_age = name.eq_ignore_ascii_case("max-age");
        is_age.then(|| value.trim_matches('"').parse::<u64>().ok())?
    });
    ages.min().unwrap_or(0).clamp(LEAST_AGE, MOST_AGE)
}
