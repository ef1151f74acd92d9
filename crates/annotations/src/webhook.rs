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

/// Whether a webhook of the target of this kind (`label-studio`, `cvat`, `scale`) proves that its sender
/// knows `secret`. Takes the same time whatever is wrong with the proof.
///
/// See <https://docs.cvat.ai/docs/api_sdk/api/>, "X-Signature-256", and
/// <https://docs.scale.com/reference/callbacks>.
pub fn is_authentic<'h>(
    target: &str,
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    secret: &str,
) -> bool {
    let is_secret = |given: Option<&str>| {
        given.is_some_and(|given| given.as_bytes().ct_eq(secret.as_bytes()).into())
    };
    match target {
        _ if secret.is_empty() => false,
        "label-studio" => is_secret(header(LABEL_STUDIO_SECRET)),
        "scale" => is_secret(header(SCALE_SECRET)),
        "cvat" => is_signed(header(CVAT_SIGNATURE), body, secret),
        _ => false,
    }
}

fn is_signed(signature: Option<&str>, body: &[u8], secret: &str) -> bool {
    let signature = signature.and_then(|given| hex::decode(given.strip_prefix("sha256=")?).ok());
    let (Some(signature), Ok(mut mac)) =
        (signature, Hmac::<Sha256>::new_from_slice(secret.as_bytes()))
    else {
        return false;
    };
    mac.update(body);
    mac.verify_slice(&signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_knows_the_secret_is_let_in() {
        // printf '{"a":1}' | openssl dgst -sha256 -hmac secret
        let signature = "sha256=aa9e2e3575f5d7098b6caccd790888c36d5fdb63342a73bada2d6a51747a8494";
        let authentic = |target: &str, name: &'static str, value: &'static str, secret: &str| {
            let header = |asked: &str| (asked == name).then_some(value);
            is_authentic(target, header, b"{\"a\":1}", secret)
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
        assert!(!authentic("cvat", CVAT_SIGNATURE, "sha256=zz", "secret"));
        assert!(!authentic("cvat", CVAT_SIGNATURE, "secret", "secret"));
    }
}
