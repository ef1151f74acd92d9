//! What is right and wrong in a configuration, and what a target is called.

use super::*;

fn config(pairs: &[(&str, &str)]) -> Result<LabelConfig, ConfigError> {
    LabelConfig::from_lookup(|name| {
        let pair = pairs.iter().find(|(key, _)| *key == name);
        pair.map(|(_, value)| (*value).to_owned())
    })
}

const STUDIO: [(&str, &str); 3] = [
    ("target", "label-studio"),
    ("target_url", "https://ls.example.com/"),
    ("project", "7"),
];

#[test]
fn labeling_is_off_by_default() {
    let config = config(&[]).unwrap();
    assert_eq!((config.target.clone(), config.target_id()), (None, None));
    assert_eq!((config.lease, config.batch_size), (600, 500));
}

#[test]
fn the_id_follows_what_makes_the_target() {
    let base = config(&STUDIO).unwrap();
    let id = base.target_id().unwrap();
    let hash = id.strip_prefix("label-studio-").unwrap();
    assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let with = |key, value| {
        let mut pairs = vec![(key, value)];
        pairs.extend(STUDIO);
        config(&pairs).unwrap().target_id().unwrap()
    };
    assert_eq!(id, with("target_url", "https://ls.example.com"));
    assert_eq!(id, with("token", "x"));
    assert_ne!(id, with("project", "8"));
    assert_ne!(id, with("target_url", "https://other.example.com"));
}

const WEBHOOK: (&str, &str) = ("target", "webhook");

#[test]
fn one_target_has_one_id_however_its_url_is_written() {
    let id = |origin: &str, url: &str| {
        let pairs = [WEBHOOK, ("target_origin", origin), ("target_url", url)];
        let config = config(&pairs).unwrap();
        (config.target_id().unwrap(), config.target_url)
    };
    let plain = id("https://h", "https://h/in");
    assert_eq!(plain.1, "https://h/in");
    assert_eq!(id("https://h/", "https://h//in"), plain);
    assert_eq!(id("https://H", "https://H/in"), plain);
    assert_eq!(id("https://h:443", "https://h:443/in"), plain);
    assert_eq!(
        id("https://h/", "https://h/").0,
        id("https://h", "https://h").0
    );
    assert_ne!(id("https://h", "https://h/out").0, plain.0);
}

#[test]
fn a_url_in_two_halves_is_checked_as_such() {
    let placeholder = "https://set-labeling-target-origin.invalid";
    for (origin, url, part) in [
        (placeholder, placeholder, "is not set: where is webhook?"),
        (
            placeholder,
            "https://set-labeling-target-origin.invalid/in",
            "is not set",
        ),
        (
            "https://h/in",
            "https://h/in",
            "belongs into the variable for the path",
        ),
        ("https://h?x", "https://h?x/in", "scheme and host alone"),
        ("h", "h/in", "scheme and host alone"),
        ("https://h", "https://hin", "does not begin with a slash"),
    ] {
        let pairs = [WEBHOOK, ("target_origin", origin), ("target_url", url)];
        let error = config(&pairs).unwrap_err();
        assert_eq!(error.key, "target_url", "{origin}");
        assert!(error.reason.contains(part), "{origin}: {error}");
    }
}

#[test]
fn keys_are_named_as_they_are_set() {
    let error = |host: Option<&str>, pairs: &[(&str, &str)]| {
        let given = |name: &str| {
            let pair = pairs.iter().find(|(key, _)| *key == name);
            let host = host.filter(|_| name == "host");
            host.or(pair.map(|(_, value)| *value)).map(str::to_owned)
        };
        LabelConfig::of_component(given).unwrap_err().key
    };
    let framemill = Some("framemill");
    for (pairs, spin, ours) in [
        (
            &[("target", "no")][..],
            "labeling_target",
            "labeling.target",
        ),
        (&[WEBHOOK], "labeling_target_origin", "labeling.target_url"),
        (&[("lease", "1s")], "labeling_lease", "labeling.lease"),
        (&[("image_path", "/")], "image_path", "image_path"),
    ] {
        assert_eq!(error(None, pairs), spin);
        assert_eq!(error(framemill, pairs), ours);
    }
    // Of a target that does not take the token.
    let named = |host: &'static str| {
        let host = (!host.is_empty()).then_some(("host", host));
        let pairs: Vec<_> = STUDIO.into_iter().chain(host).collect();
        config(&pairs)
            .unwrap()
            .as_set(ConfigError::new("token", "is not accepted"))
            .key
    };
    assert_eq!(named(""), "labeling_token");
    assert_eq!(named("framemill"), "FRAMEMILL_LABELING_TOKEN");
}

#[test]
fn errors_name_the_key() {
    for (pairs, key) in [
        (&[("target", "label-studoi")][..], "target"),
        (&[("target", "custom-Acme")], "target"),
        (&[("target", "webhook")], "target_url"),
        (&[("target", "webhook"), ("target_url", "x")], "target_url"),
        (
            &[("target", "cvat"), ("target_url", "http://c")],
            "cloud_storage",
        ),
        (&[("target", "scale")], "labels"),
        (&[("target", "pubsub"), ("topic", "t")], "topic"),
        (&[("project", "x"), STUDIO[0], STUDIO[1]], "project"),
        (&[STUDIO[0], STUDIO[1]], "project"),
        (&[("lease", "299s")], "lease"),
        (&[("batch_size", "0")], "batch_size"),
        (&[("image_urls", "ftp")], "image_urls"),
        (&[("image_urls", "signed")], "signing_account"),
        (&[("image_urls", "proxied")], "image_url_base"),
        (&[("geometries", "[]")], "geometries"),
        (&[("geometries", "{")], "geometries"),
    ] {
        let error = config(pairs).unwrap_err();
        assert_eq!(error.key, key, "{pairs:?}: {error}");
    }
}

#[test]
fn a_webhooks_url_is_left_as_it_is() {
    for url in ["https://h/in/", "https://h/in", "https://h/in?key=a/"] {
        let given = config(&[("target", "webhook"), ("target_url", url)]);
        assert_eq!(given.unwrap().target_url, url);
    }
}

#[test]
fn signed_urls_last_half_a_day_unless_told_otherwise() {
    let pairs = [("image_urls", "signed"), ("signing_account", "a@p")];
    let signed = config(&pairs).unwrap().image_urls;
    assert!(matches!(
        signed,
        ImageUrls::Signed {
            seconds: 43_200,
            ..
        }
    ));
}

#[test]
fn whoever_has_a_key_need_not_be_named() {
    let pairs = [("image_urls", "signed"), ("google_key", "{}")];
    let signed = config(&pairs).unwrap().image_urls;
    assert!(matches!(signed, ImageUrls::Signed { account, .. } if account.is_empty()));
}

#[test]
fn secrets_do_not_show() {
    let mut pairs = vec![("token", "hush"), ("webhook_secret", "hush")];
    pairs.extend(STUDIO);
    let config = config(&pairs).unwrap();
    assert_eq!(config.token.as_ref().unwrap().reveal(), "hush");
    assert!(!format!("{config:?}").contains("hush"));
}
