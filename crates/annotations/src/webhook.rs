//! Whether a webhook comes from whom it says: each labeling system has a way of its own.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The header in which Label Studio sends a secret: it has no signatures, and headers of its own only
/// as they are configured there.
const LABEL_STUDIO_SECRET: &str = "x-framemill-secret";
/// CVAT's signature: `sha256=` and the HMAC of the body in hex.
const CVAT_SIGNATURE: &str = "x-signature-256";
/// The key of Scale AI's callbacks.
const SCALE_SECRET: &str = "scale-callback-auth";

/// The time of our own signature, in seconds after 1970, and the signature.
const OWN_TIMESTAMP: &str = "x-framemill-timestamp";
const OWN_SIGNATURE: &str = "x-framemill-signature";

/// Whether a webhook of the target of this kind (`label-studio`, `cvat`, `scale`, `webhook`) proves that
/// its sender knows `secret`. Takes the same time whatever is wrong with the proof. How old a signature is
/// does not matter: the same body again changes nothing.
///
/// See <https://docs.cvat.ai/docs/api_sdk/api/>, "X-Signature-256", and
/// <https://docs.scale.com/reference/callbacks>. `webhook` signs as label requests are signed:
/// `v1=` and the HMAC of the timestamp, a dot and the body.
pub fn is_authentic<'h>(
    target: &str,
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    secret: &str,
) -> bool {
    match target {
        "label-studio" => is_secret(header(LABEL_STUDIO_SECRET), secret),
        "scale" => is_secret(header(SCALE_SECRET), secret),
        "cvat" => is_signed(header(CVAT_SIGNATURE), "sha256=", &[body], secret),
        "webhook" => {
            let time = header(OWN_TIMESTAMP).filter(|time| !time.is_empty());
            let parts = [time.unwrap_or_default().as_bytes(), b".", body];
            time.is_some() && is_signed(header(OWN_SIGNATURE), "v1=", &parts, secret)
        }
        _ => false,
    }
}

/// Whether headers leave room for [`is_authentic`]: to be asked before a body is read.
pub fn may_be_authentic<'h>(
    target: &str,
    header: impl Fn(&str) -> Option<&'h str>,
    secret: &str,
) -> bool {
    match target {
        "cvat" => header(CVAT_SIGNATURE).is_some(),
        "webhook" => header(OWN_SIGNATURE).is_some(),
        // They prove themselves by a header alone.
        target => is_authentic(target, header, &[], secret),
    }
}

/// Whether a request for a sync proves that its sender knows `secret`: as a bearer token, or in
/// `X-Framemill-Secret`. A scheduler can set either.
pub fn may_request_sync<'h>(header: impl Fn(&str) -> Option<&'h str>, secret: &str) -> bool {
    let bearer = header("authorization").and_then(|given| {
        let (scheme, token) = given.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    is_secret(bearer, secret) || is_secret(header(LABEL_STUDIO_SECRET), secret)
}

/// Without a secret nobody knows it.
fn is_secret(given: Option<&str>, secret: &str) -> bool {
    let same = |given: &str| given.as_bytes().ct_eq(secret.as_bytes()).into();
    !secret.is_empty() && given.is_some_and(same)
}

fn is_signed(signature: Option<&str>, start: &str, parts: &[&[u8]], secret: &str) -> bool {
    let signature = signature.and_then(|given| hex::decode(given.strip_prefix(start)?).ok());
    let (Some(signature), Ok(mut mac)) =
        (signature, Hmac::<Sha256>::new_from_slice(secret.as_bytes()))
    else {
        return false;
    };
    parts.iter().for_each(|part| mac.update(part));
    !secret.is_empty() && mac.verify_slice(&signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduler_proves_itself_with_a_header() {
        for (name, value, secret, expected) in [
            ("authorization", "Bearer hush", "hush", true),
            ("authorization", "bearer hush", "hush", true),
            ("authorization", "Basic hush", "hush", false),
            ("authorization", "hush", "hush", false),
            ("authorization", "Bearer ", "", false),
            (LABEL_STUDIO_SECRET, "hush", "hush", true),
            (LABEL_STUDIO_SECRET, "guessed", "hush", false),
            (LABEL_STUDIO_SECRET, "", "", false),
        ] {
            let header = |asked: &str| (asked == name).then_some(value);
            assert_eq!(
                may_request_sync(header, secret),
                expected,
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn who_knows_the_secret_is_let_in() {
        // printf '{"a":1}' | openssl dgst -sha256 -hmac secret
        let signature = "sha256=aa9e2e3575f5d7098b6caccd790888c36d5fdb63342a73bada2d6a51747a8494";
        let authentic = |target: &str, name: &'static str, value: &'static str, secret: &str| {
            let header = |asked: &str| (asked == name).then_some(value);
            let found = is_authentic(target, header, b"{\"a\":1}", secret);
            assert!(!found || may_be_authentic(target, header, secret));
            found
        };
        for (target, name, value) in [
            ("label-studio", LABEL_STUDIO_SECRET, "secret"),
            ("scale", SCALE_SECRET, "secret"),
            ("cvat", CVAT_SIGNATURE, signature),
        ] {
            assert!(authentic(target, name, value, "secret"), "{target}");
            assert!(!authentic(target, name, value, "other"), "{target}");
            assert!(!authentic(target, name, value, ""), "{target}");
            assert!(!authentic(target, "x-other", value, "secret"), "{target}");
            assert!(!authentic("pubsub", name, value, "secret"), "{target}");
        }
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
        let own = "v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686";
        for (time, signature, secret, expected) in [
            (Some("1700000000"), own, "secret", true),
            (Some("1700000001"), own, "secret", false),
            (None, own, "secret", false),
            (Some("1700000000"), own, "other", false),
            (Some("1700000000"), own, "", false),
            (Some("1700000000"), &own[3..], "secret", false),
        ] {
            let header = |asked: &str| match asked {
                OWN_TIMESTAMP => time,
                OWN_SIGNATURE => Some(signature),
                _ => None,
            };
            let found = is_authentic("webhook", header, b"{\"a\":1}", secret);
            assert_eq!(found, expected, "{time:?} {signature} {secret}");
            assert!(!found || may_be_authentic("webhook", header, secret));
        }
        for (target, name, expected) in [
            ("label-studio", LABEL_STUDIO_SECRET, false),
            ("scale", SCALE_SECRET, false),
            ("cvat", CVAT_SIGNATURE, true),
            ("webhook", OWN_SIGNATURE, true),
            ("pubsub", LABEL_STUDIO_SECRET, false),
        ] {
            let given = |asked: &str| (asked == name).then_some("guessed");
            assert_eq!(may_be_authentic(target, given, "secret"), expected);
            assert!(!may_be_authentic(target, |_| None, "secret"), "{target}");
        }
        assert!(!authentic("cvat", CVAT_SIGNATURE, "sha256=zz", "secret"));
        assert!(!authentic("cvat", CVAT_SIGNATURE, "secret", "secret"));
    }
}
