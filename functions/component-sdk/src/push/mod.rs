//! Whether a message comes from the push subscription that it should come from.
//! <https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions>

mod keys;
mod refused;

pub use refused::Refused;

use crate::cache::Cache;
use crate::http::Web;
use framemill_contract::Push;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;

/// Most characters of a token: Google's have some 1200.
const LONGEST_TOKEN: usize = 8 << 10;
/// Seconds by which our clock and Google's may differ.
const LEEWAY: u64 = 30;
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// Why a message is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// It has the token that it should have.
    Verified,
    /// Everyone's messages are taken.
    Unverified,
}

/// What must be right in a token besides its signature.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: u64,
    nbf: Option<u64>,
    iat: Option<u64>,
    email: String,
    email_verified: bool,
}

/// Decides on a message by the header `Authorization` of its request.
///
/// # Errors
/// [`Refused`]; never with the token in it.
pub async fn check<W: Web, C: Cache>(
    push: &Push,
    authorization: Option<&str>,
    web: &W,
    cache: &C,
) -> Result<Admitted, Refused> {
    let (audience, email, keys_url) = match push {
        Push::Insecure => return Ok(Admitted::Unverified),
        Push::Unconfigured => return Err(Refused::Unconfigured),
        Push::Google {
            audience,
            email,
            keys_url,
        } => (audience, email, keys_url),
    };
    let token = bearer(authorization)?;
    let header = jsonwebtoken::decode_header(token);
    let header = header.map_err(|_| Refused::Token("the token is not a JSON Web Token"))?;
    if header.alg != Algorithm::RS256 {
        return Err(Refused::Token("the token is not signed with RS256"));
    }
    let kid = header.kid.filter(|kid| !kid.is_empty());
    let kid = kid.ok_or(Refused::Token("the token does not name its key"))?;
    // Before keys are asked for, so that not every forgery makes us ask; they count only
    // because the signature is verified below.
    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token)
        .map_err(|_| Refused::Token("the token's claims are not those of a push subscription"))?;
    claims.check(audience, email, web.now())?;
    let key = keys::find(web, cache, keys_url, &kid).await?;
    let mut signature_only = Validation::new(Algorithm::RS256);
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_aud = false;
    jsonwebtoken::decode::<Claims>(token, &key, &signature_only)
        .map_err(|_| Refused::Token("the token's signature is wrong"))?;
    Ok(Admitted::Verified)
}

fn bearer(authorization: Option<&str>) -> Result<&str, Refused> {
    let header = authorization.ok_or(Refused::Token("the request has no Authorization header"))?;
    let (scheme, token) = header.trim().split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refused::Token(
            "the request's authorization is no bearer token",
        ));
    }
    match token.len() {
        0..=LONGEST_TOKEN => Ok(token),
        _ => Err(Refused::Token("the token is longer than any of Google's")),
    }
}

impl Claims {
    fn check(&self, audience: &str, email: &str, now: u64) -> Result<(), Refused> {
        let late = now.saturating_add(LEEWAY);
        let begins = self.nbf.max(self.iat).unwrap_or(0);
        let wrong = [
            (
                !ISSUERS.contains(&self.iss.as_str()),
                "the token's issuer is not Google",
            ),
            (
                self.aud != audience,
                "the token's audience is not push_audience",
            ),
            (
                self.exp.saturating_add(LEEWAY) <= now,
                "the token has expired",
            ),
            (
                begins > late,
                "the token is not yet valid: compare the clocks",
            ),
            (self.email != email, "the token's email is not push_email"),
            (!self.email_verified, "the token's email is not verified"),
        ];
        match wrong.into_iter().find(|(wrong, _)| *wrong) {
            Some((_, reason)) => Err(Refused::Token(reason)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
