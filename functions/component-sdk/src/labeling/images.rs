//! Where a target gets images.

use super::{Api, TargetError, misconfigured};
use crate::account::ServiceAccount;
use crate::google::sign_url;
use crate::http::{HttpRequest, Web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use framemill_contract::{ImageUrls, LabelConfig};
use framemill_gcs_api::{compact, encoded, encoded_path};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Signing requests at the same time.
const PARALLEL: usize = 8;
const STORAGE_HOST: &str = "storage.googleapis.com";

/// Makes URLs of objects, as configured.
pub struct ImageLinks<'a, W> {
    web: &'a W,
    config: &'a LabelConfig,
}

/// Who signs URLs.
enum Signer<'a> {
    /// We do.
    Key(&'a ServiceAccount),
    /// Google does, for this account.
    Google(&'a str),
}

impl<'a> Signer<'a> {
    fn email(&self) -> &'a str {
        match self {
            Self::Key(key) => key.email(),
            Self::Google(account) => account,
        }
    }
}

#[derive(Deserialize)]
struct SignBlob {
    #[serde(rename = "signedBlob")]
    signed: String,
}

impl<'a, W: Web> ImageLinks<'a, W> {
    /// For this configuration.
    pub fn new(web: &'a W, config: &'a LabelConfig) -> Self {
        Self { web, config }
    }

    /// A URL for each of these objects, in order.
    ///
    /// # Errors
    /// [`TargetError`] where URLs are signed and the IAM API does not do it.
    pub async fn urls(&self, bucket: &str, names: &[String]) -> Result<Vec<String>, TargetError> {
        let urls = names.iter().map(|name| self.url(bucket, name));
        futures::stream::iter(urls)
            .buffered(PARALLEL)
            .try_collect()
            .await
    }

    async fn url(&self, bucket: &str, name: &str) -> Result<String, TargetError> {
        match &self.config.image_urls {
            ImageUrls::Gs => Ok(format!("gs://{bucket}/{name}")),
            ImageUrls::S3 => Ok(format!("s3://{bucket}/{name}")),
            ImageUrls::Proxied(base) => Ok(format!("{base}{}", encoded_path(bucket, name))),
            ImageUrls::Signed { account, seconds } => {
                let signer = self.signer(account)?;
                self.signed(bucket, name, signer, *seconds).await
            }
        }
    }

    /// Who signs: ourselves, where the key at hand is that of the account or none is named.
    fn signer(&self, account: &'a str) -> Result<Signer<'a>, TargetError> {
        match self.web.account() {
            Some(key) if account.is_empty() || account == key.email() => Ok(Signer::Key(key)),
            _ if account.is_empty() => Err(misconfigured(
                "signing_account",
                "is empty, and there is no google_key: name the service account that signs"
                    .to_owned(),
            )),
            _ => Ok(Signer::Google(account)),
        }
    }

    /// A V4 signed URL: <https://cloud.google.com/storage/docs/authentication/signatures>.
    async fn signed(
        &self,
        bucket: &str,
        name: &str,
        signer: Signer<'_>,
        seconds: u64,
    ) -> Result<String, TargetError> {
        let time = compact(self.web.now());
        let day = time.split('T').next().unwrap_or_default();
        let scope = format!("{day}/auto/storage/goog4_request");
        let credential = format!("{}/{scope}", signer.email());
        let path = encoded_path(bucket, name);
        let query = format!(
            "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential={}&X-Goog-Date={time}&X-Goog-Expires={seconds}&X-Goog-SignedHeaders=host",
            encoded(&credential)
        );
        let request =
            format!("GET\n{path}\n{query}\nhost:{STORAGE_HOST}\n\nhost\nUNSIGNED-PAYLOAD");
        let hash = hex::encode(Sha256::digest(request));
        let text = format!("GOOG4-RSA-SHA256\n{time}\n{scope}\n{hash}");
        let signature = match signer {
            Signer::Key(key) => key
                .sign(text.as_bytes())
                .map_err(TargetError::Misconfigured)?,
            Signer::Google(account) => self.sign(account, text.as_bytes()).await?,
        };
        let signature = hex::encode(signature);
        Ok(format!(
            "https://{STORAGE_HOST}{path}?{query}&X-Goog-Signature={signature}"
        ))
    }

    /// Signs with the account's key, which Google keeps.
    async fn sign(&self, account: &str, text: &[u8]) -> Result<Vec<u8>, TargetError> {
        let url = sign_url(&self.config.iam_url, account);
        let body = serde_json::json!({ "payload": BASE64.encode(text) });
        let request = HttpRequest::post(url, body.to_string().into_bytes());
        let key = "signing_account";
        let answer: SignBlob = match Api::new(self.web, None, key).query(request).await {
            // These speak of the account here and of where it is, not of the target's token.
            Err(TargetError::Misconfigured(error)) => {
                let key = if error.key == "target_url" {
                    "iam_url"
                } else {
                    key
                };
                return Err(misconfigured(key, error.reason));
            }
            answer => answer?,
        };
        let no_signature = |_| TargetError::transient("signBlob gave no signature".to_owned());
        BASE64.decode(answer.signed).map_err(no_signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HttpResponse, WebError};
    use futures::executor::block_on;
    use rsa::RsaPrivateKey;
    use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};

    /// A signer that gives back the hash of what it is to sign, and perhaps a key at hand.
    #[derive(Default)]
    struct Iam {
        account: Option<ServiceAccount>,
    }

    impl Web for Iam {
        async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, WebError> {
            let account = "/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:signBlob";
            if !request.url.ends_with(account) {
                return Err(WebError::Unanswered(format!("{request:?}")));
            }
            let body: serde_json::Value = serde_json::from_slice(&request.body.concat()).unwrap();
            let text = BASE64.decode(body["payload"].as_str().unwrap()).unwrap();
            let answer = serde_json::json!({
                "keyId": "1",
                "signedBlob": BASE64.encode(Sha256::digest(text)),
            });
            Ok(HttpResponse {
                status: 200,
                body: answer.to_string().into_bytes(),
                ..HttpResponse::default()
            })
        }

        fn now(&self) -> u64 {
            1_700_000_000
        }

        async fn sleep(&self, _: u64) {}

        fn account(&self) -> Option<&ServiceAccount> {
            self.account.as_ref()
        }
    }

    fn url(pairs: &[(&str, &str)]) -> String {
        url_by(&Iam::default(), pairs).unwrap()
    }

    fn url_by(web: &Iam, pairs: &[(&str, &str)]) -> Result<String, TargetError> {
        let config = LabelConfig::from_lookup(|key| {
            let pair = pairs.iter().find(|(name, _)| *name == key);
            pair.map(|(_, value)| (*value).to_owned())
        });
        let (config, names) = (config.unwrap(), ["images/a b%.mp4/0.jpg".to_owned()]);
        let urls = block_on(ImageLinks::new(web, &config).urls("b", &names))?;
        Ok(urls.concat())
    }

    #[test]
    fn urls_are_as_configured() {
        assert_eq!(url(&[]), "gs://b/images/a b%.mp4/0.jpg");
        assert_eq!(url(&[("image_urls", "s3")]), "s3://b/images/a b%.mp4/0.jpg");
        let proxied = [
            ("image_urls", "proxied"),
            ("image_url_base", "https://h/x/"),
        ];
        assert_eq!(url(&proxied), "https://h/x/b/images/a%20b%25.mp4/0.jpg");
    }

    /// The expected signature was computed with Python's hashlib from Google's description.
    #[test]
    fn signed_urls_follow_googles_description() {
        let account = "a@p.iam.gserviceaccount.com";
        let url = url(&[
            ("image_urls", "signed"),
            ("signing_account", account),
            ("signed_for", "168h"),
        ]);
        let start = "https://storage.googleapis.com/b/images/a%20b%25.mp4/0.jpg?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=a%40p.iam.gserviceaccount.com%2F20231114%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20231114T221320Z&X-Goog-Expires=604800&X-Goog-SignedHeaders=host&X-Goog-Signature=";
        let signature = url.strip_prefix(start).unwrap_or(&url);
        assert_eq!(
            signature,
            "15502931cff7d0f2ca2661cbfb9c34f06b16bd56c5cb3fac27751031e6b2ba43"
        );
    }

    #[test]
    fn a_key_at_hand_signs_for_its_own_account_only() {
        let private = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 1024).unwrap();
        let pem = private.to_pkcs8_pem(LineEnding::LF).unwrap();
        let account = "a@p.iam.gserviceaccount.com";
        let file = serde_json::json!({"client_email": account, "private_key": pem.as_str()});
        let key = || ServiceAccount::parse(&file.to_string()).unwrap();
        let web = Iam {
            account: Some(key()),
        };
        let signed = ("image_urls", "signed");
        let named = [signed, ("signing_account", account)];
        let by_google = url(&named);
        let (start, hash) = by_google.rsplit_once('=').unwrap();
        let bytes = |text: &str| hex::decode(text).unwrap();
        for pairs in [&named[..], &[signed, ("google_key", "{}")]] {
            let url = url_by(&web, pairs).unwrap();
            let (same, signature) = url.rsplit_once('=').unwrap();
            assert_eq!(same, start);
            let scheme = rsa::Pkcs1v15Sign::new::<Sha256>();
            let public = private.to_public_key();
            let verified = public.verify(scheme, &bytes(hash), &bytes(signature));
            assert!(verified.is_ok(), "{url}");
        }
        // Another account's URLs are signed by Google, which this one does not serve here.
        let other = [signed, ("signing_account", "b@p.iam.gserviceaccount.com")];
        assert!(matches!(
            url_by(&web, &other),
            Err(TargetError::Transient { .. })
        ));
        let nobody = url_by(&Iam::default(), &[signed, ("google_key", "{}")]);
        assert!(
            matches!(nobody, Err(TargetError::Misconfigured(error)) if error.key == "signing_account")
        );
    }
}
