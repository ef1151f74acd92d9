//! The signature of webhook requests: made by the host or the component, checked by the receiver.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// Value of the header `X-Framemill-Signature`: `v1=` and the HMAC-SHA-256 of the timestamp
/// (seconds after 1970, as in `X-Framemill-Timestamp`), a dot and the body, in lower-case hex.
pub fn webhook_signature(secret: &str, timestamp: u64, body: &[u8]) -> String {
    // HMAC takes keys of any length: this does not fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_openssl_says() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
        assert_eq!(
            webhook_signature("secret", 1_700_000_000, br#"{"a":1}"#),
            "v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"
        );
    }
}
