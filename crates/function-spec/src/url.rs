//! URLs, as far as two ways to write the same one are concerned.

/// Ports that need not be written.
const DEFAULT_PORTS: [(&str, &str); 2] = [("http", ":80"), ("https", ":443")];

/// A URL in the one way that it is written here: scheme and host in lower case, no port that goes
/// without saying, and one slash where its path begins, as an origin may end in one too. The rest
/// of it stays as it is. What is no URL stays as it is.
pub fn canonical_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let scheme = scheme.to_ascii_lowercase();
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (format!("{user}@"), host),
        None => (String::new(), authority),
    };
    let host = host.to_ascii_lowercase();
    let port = DEFAULT_PORTS.iter().find(|(of, _)| *of == scheme);
    let host = port
        .and_then(|(_, port)| host.strip_suffix(port))
        .unwrap_or(&host);
    let path = match rest.strip_prefix('/') {
        Some(path) => format!("/{}", path.trim_start_matches('/')),
        None => rest.to_owned(),
    };
    format!("{scheme}://{user}{host}{path}")
}

/// Whether a URL is scheme and host alone, perhaps with a port and a slash at its end.
pub fn is_origin(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let host = rest.trim_end_matches('/');
    let is_scheme = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    is_scheme && !host.is_empty() && !host.contains(['/', '?', '#', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_url_is_written_in_one_way() {
        for (given, canonical) in [
            ("https://h", "https://h"),
            ("https://h/", "https://h/"),
            ("https://h//in", "https://h/in"),
            ("https://h///in//x/", "https://h/in//x/"),
            (
                "HTTPS://Ls.Example.COM:443/In?Key=A//",
                "https://ls.example.com/In?Key=A//",
            ),
            ("http://h:80", "http://h"),
            ("http://h:8080/", "http://h:8080/"),
            ("https://h:80", "https://h:80"),
            ("https://User:Pass@H/x", "https://User:Pass@h/x"),
            ("https://[::1]:443/x", "https://[::1]/x"),
            ("https://h?x=//y", "https://h?x=//y"),
            ("no url", "no url"),
        ] {
            assert_eq!(canonical_url(given), canonical, "{given}");
            assert_eq!(canonical_url(canonical), canonical);
        }
    }

    #[test]
    fn an_origin_has_no_path() {
        for origin in ["https://h", "http://h:8080", "https://h/", "HTTPS://h//"] {
            assert!(is_origin(origin), "{origin}");
        }
        for other in [
            "https://h/in",
            "https://h?x",
            "https://h#x",
            "https://u@h",
            "https://",
            "h",
            "ftp://h",
            "",
        ] {
            assert!(!is_origin(other), "{other}");
        }
    }
}
