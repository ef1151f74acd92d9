//! Which servers a component may reach: entries as in Spin's `allowed_outbound_hosts`
//! (<https://spinframework.dev/v3/http-outbound>). One thing is stricter here: an entry with a
//! wildcard never leads to an address that is not public, whatever a name resolves to.

use anyhow::{Context as _, bail, ensure};
use http::Uri;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

/// Names below which components are, not servers.
const CHAINING: &str = ".spin.internal";

/// The component that a host name stands for in service chaining.
pub(super) fn chained_component(host: &str) -> Option<&str> {
    host.strip_suffix(CHAINING)
}

/// Which addresses a request may be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Networks {
    /// Those of the internet.
    Public,
    /// The operator has named the host: wherever it is.
    All,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// `None` for both.
    scheme: Option<String>,
    host: Host,
    ports: RangeInclusive<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Any,
    /// With a dot at its start.
    Below(String),
    Name(String),
    Network(IpAddr, u8),
    /// The application itself. There is nothing to reach: it has no address here, and its
    /// component is chained to without an entry.
    Itself,
}

/// Where a request goes, as the HTTP client reads it: forms such as `http://2130706433/` are
/// addresses, not names.
pub(super) struct Destination {
    pub(super) url: Url,
    host: Result<IpAddr, String>,
    port: u16,
}

impl Destination {
    /// `None` for what is no request to a server: other schemes, or a user name before the host.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let known = matches!(url.scheme(), "http" | "https");
        if !known || !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        Some(Self {
            host: host_of(&url)?,
            port: url.port_or_known_default()?,
            url,
        })
    }

    pub(super) fn of(uri: &Uri) -> Option<Self> {
        // An empty user name leaves no trace in the parsed form.
        let authority = uri.authority()?.as_str();
        (!authority.contains('@'))
            .then(|| Self::parse(&uri.to_string()))
            .flatten()
    }

    /// `https://host[:port]`, the port only where it is not the scheme's.
    pub(super) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

/// The server of a URL, without user name and path, which may be secrets: the entry that reaches it
/// and no other, and what errors may show.
pub fn server_of(url: &str) -> String {
    let origin = Destination::parse(url).map(|there| there.origin());
    origin.unwrap_or_else(|| {
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) => (format!("{scheme}://"), rest),
            None => (String::new(), url),
        };
        let authority = rest.split(['/', '\\', '?', '#']).next();
        let host = authority.and_then(|authority| authority.rsplit('@').next());
        format!("{scheme}{}", host.unwrap_or_default())
    })
}

/// The address or name in a URL.
fn host_of(url: &Url) -> Option<Result<IpAddr, String>> {
    let host = url.host_str()?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    Some(match bare.parse::<IpAddr>() {
        Ok(address) => Ok(address.to_canonical()),
        Err(_) => Err(host.trim_end_matches('.').to_owned()),
    })
}

impl Entry {
    /// From `scheme://host[:port]`: `*` for any scheme, host or port, `*.domain`, an address
    /// range (`10.0.0.0/8`), a port range without its end (`8000..9000`), `self`.
    ///
    /// # Errors
    /// Saying what is wrong with it.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        parse(text.trim()).with_context(|| {
            format!("`{text}` is not a host that can be reached: write https://host[:port], or one with wildcards such as https://*.example.com")
        })
    }

    /// Whether it lets a request pass, and to which addresses.
    pub(super) fn admits(&self, destination: &Destination) -> Option<Networks> {
        let scheme = self.scheme.as_ref();
        if scheme.is_some_and(|scheme| scheme != destination.url.scheme())
            || !self.ports.contains(&destination.port)
        {
            return None;
        }
        match (&self.host, &destination.host) {
            (Host::Any, Ok(address)) => is_public(*address).then_some(Networks::Public),
            (Host::Any, Err(_)) => Some(Networks::Public),
            (Host::Below(domain), Err(name)) => name.ends_with(domain).then_some(Networks::Public),
            (Host::Name(own), Err(name)) => (own == name).then_some(Networks::All),
            (Host::Network(network, bits), Ok(address)) => {
                is_inside(*address, *network, *bits).then_some(Networks::All)
            }
            (Host::Below(_) | Host::Name(_), Ok(_)) => None,
            (Host::Network(..), Err(_)) | (Host::Itself, _) => None,
        }
    }
}

fn parse(text: &str) -> anyhow::Result<Entry> {
    let (scheme, rest) = text.split_once("://").context("it has no scheme")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "*" => None,
        known @ ("http" | "https") => Some(known.to_owned()),
        other => bail!("scheme `{other}` is not http, https or *"),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.rsplit_once(':') {
        // The last colon of `[::1]` is no port's.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let ports = match (port, scheme.as_deref()) {
        (Some(port), _) => parse_ports(port)?,
        (None, Some("http")) => 80..=80,
        (None, Some(_)) => 443..=443,
        (None, None) => bail!("any scheme has no port of its own: name one, or :*"),
    };
    Ok(Entry {
        host: parse_host(host)?,
        scheme,
        ports,
    })
}

fn parse_ports(text: &str) -> anyhow::Result<RangeInclusive<u16>> {
    if text == "*" {
        return Ok(0..=u16::MAX);
    }
    let number = |text: &str| {
        text.parse::<u16>()
            .with_context(|| format!("port `{text}` is not a number up to 65535"))
    };
    let Some((first, end)) = text.split_once("..") else {
        let port = number(text)?;
        return Ok(port..=port);
    };
    let (first, end) = (number(first)?, number(end)?);
    ensure!(first < end, "port range `{text}` is empty");
    Ok(first..=end.saturating_sub(1))
}

fn parse_host(text: &str) -> anyhow::Result<Host> {
    if matches!(text, "self" | "self.alt") {
        return Ok(Host::Itself);
    }
    if text == "*" {
        return Ok(Host::Any);
    }
    if let Some((network, bits)) = text.split_once('/') {
        let network = network.trim_start_matches('[').trim_end_matches(']');
        let network: IpAddr = network
            .parse()
            .ok()
            .context("it has a path, which no entry has")?;
        let most = if network.is_ipv4() { 32 } else { 128 };
        let bits = bits.parse().ok().filter(|bits| *bits <= most);
        return Ok(Host::Network(
            network,
            bits.with_context(|| format!("an address range ends with /0 to /{most}"))?,
        ));
    }
    let (name, below) = match text.strip_prefix("*.") {
        Some(domain) => (domain, true),
        None => (text, false),
    };
    ensure!(
        !name.contains(['*', '@', '?', '#', '{']),
        "a wildcard stands for all hosts, or before a domain: https://*.example.com"
    );
    let url = Url::parse(&format!("http://{name}/")).ok();
    let host = url.as_ref().and_then(host_of).context("it names no host")?;
    match (host, below) {
        (Ok(address), false) => Ok(Host::Network(address, full_bits(address))),
        (Err(name), false) => Ok(Host::Name(name)),
        (Err(name), true) => Ok(Host::Below(format!(".{name}"))),
        (Ok(_), true) => bail!("an address has no subdomains"),
    }
}

fn full_bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_inside(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let same = |one: u128, other: u128, width: u32| {
        let shift = width.saturating_sub(u32::from(bits));
        // A shift by the whole width is none: everything is inside.
        one.checked_shr(shift).unwrap_or(0) == other.checked_shr(shift).unwrap_or(0)
    };
    match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            same(one.to_bits().into(), other.to_bits().into(), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => same(one.to_bits(), other.to_bits(), 128),
        _ => false,
    }
}

/// What is no host of the internet:
/// <https://www.iana.org/assignments/iana-ipv4-special-registry>, and multicast.
const NOT_PUBLIC_V4: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];
/// The only addresses of the internet, and those among them that are none:
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>.
const PUBLIC_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const NOT_PUBLIC_V6: &[(Ipv6Addr, u8)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];
/// Behind it are IPv4 addresses (RFC 6052).
const TRANSLATED: (Ipv6Addr, u8) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether an address is one of the internet.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !NOT_PUBLIC_V4
            .iter()
            .any(|(network, bits)| is_inside(address.into(), (*network).into(), *bits)),
        IpAddr::V6(address) => {
            let inside = |(network, bits): &(Ipv6Addr, u8)| {
                is_inside(address.into(), (*network).into(), *bits)
            };
            if inside(&TRANSLATED) {
                let [.., a, b, c, d] = address.octets();
                return is_public(Ipv4Addr::new(a, b, c, d).into());
            }
            inside(&PUBLIC_V6) && !NOT_PUBLIC_V6.iter().any(inside)
        }
    }
}

/// A name has no address that the request may be sent to.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` has no address outside private networks, and an entry with a wildcard leads to no other: name the host itself in `allow`"
)]
pub(super) struct NotPublic(String);

/// Resolves names to public addresses only. The client connects to exactly these: a name that
/// resolves to another address a moment later gains nothing.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public = public_of(name.as_str(), found)?;
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Those addresses of a name that are of the internet.
fn public_of(
    name: &str,
    found: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, NotPublic> {
    let public: Vec<SocketAddr> = found.filter(|found| is_public(found.ip())).collect();
    match public.is_empty() {
        true => Err(NotPublic(name.to_owned())),
        false => Ok(public),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(entry: &str, url: &str) -> Option<Networks> {
        let entry = Entry::parse(entry).unwrap();
        let destination = url
            .parse::<Uri>()
            .ok()
            .and_then(|uri| Destination::of(&uri));
        destination.and_then(|destination| entry.admits(&destination))
    }

    #[test]
    fn entries_admit_what_spins_do() {
        let (all, public) = (Some(Networks::All), Some(Networks::Public));
        for (entry, url, expected) in [
            ("https://a.example", "https://a.example/x?y", all),
            ("https://a.example", "https://A.EXAMPLE:443/", all),
            ("https://a.example", "https://a.example./", all),
            ("https://a.example/", "https://a.example/x", all),
            ("https://a.example", "http://a.example/", None),
            ("https://a.example", "https://a.example:8443/", None),
            ("https://a.example", "https://a.example.evil.org/", None),
            ("https://a.example", "https://a.example@evil.org/", None),
            ("https://a.example", "https://user@a.example/", None),
            ("https://a.example", "https://@a.example/", None),
            ("https://evil.org", "https://a.example@evil.org/", None),
            ("http://*", "http://a.example/", public),
            ("http://*", "https://a.example/", None),
            ("*://*:*", "https://a.example:99/", public),
            ("*://*:*", "ftp://a.example/", None),
            ("*://a.example:80", "http://a.example/", all),
            ("*://a.example:80", "https://a.example/", None),
            ("https://*.example.com", "https://a.b.example.com/", public),
            ("https://*.example.com", "https://example.com/", None),
            ("https://*.example.com", "https://evilexample.com/", None),
            ("http://a.example:8000..8002", "http://a.example:8000/", all),
            ("http://a.example:8000..8002", "http://a.example:8001/", all),
            (
                "http://a.example:8000..8002",
                "http://a.example:8002/",
                None,
            ),
            ("http://a.example:*", "http://a.example:1/", all),
            ("http://10.0.0.0/8:*", "http://10.9.8.7:99/", all),
            ("http://10.0.0.0/8", "http://11.0.0.1/", None),
            ("http://10.0.0.0/8", "http://ten.example/", None),
            ("http://0.0.0.0/0", "http://192.168.0.1/", all),
            ("http://[fd00::]/8:*", "http://[fd12::1]/", all),
            ("http://[::1]:8080", "http://[::1]:8080/", all),
            ("http://[::1]", "http://[::1]:8080/", None),
            ("http://127.0.0.1", "http://127.0.0.1/", all),
            ("http://localhost:8080", "http://localhost:8080/", all),
            ("http://self", "http://self/", None),
        ] {
            assert_eq!(admitted(entry, url), expected, "{entry} {url}");
        }
    }

    #[test]
    fn other_forms_of_an_address_are_that_address() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
        ] {
            assert_eq!(admitted("http://*", url), None, "{url}");
            let named = admitted("http://127.0.0.1", url);
            assert_eq!(named, Some(Networks::All), "{url}");
        }
    }

    #[test]
    fn wildcards_lead_to_no_private_address() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[fe80::1]",
            "[fd00::1]",
            "[ff02::1]",
            "[2001:db8::1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::a00:1]",
            "[2002:a00:1::]",
            "[::7f00:1]",
        ] {
            let url = format!("http://{address}/");
            assert_eq!(admitted("*://*:*", &url), None, "{url}");
        }
        for address in [
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "[2606:4700::1111]",
            "[64:ff9b::808:808]",
        ] {
            let url = format!("http://{address}/");
            assert_eq!(admitted("*://*:*", &url), Some(Networks::Public), "{url}");
        }
    }

    #[test]
    fn entries_that_mean_nothing_are_refused() {
        for (entry, why) in [
            ("a.example", "no scheme"),
            ("*", "no scheme"),
            ("https://", "names no host"),
            ("ftp://a.example", "not http"),
            ("https://a.example/path", "path"),
            ("https://a.example:80/path", "not a number"),
            ("https://a*.example", "wildcard"),
            ("https://*.*.example", "wildcard"),
            ("https://user@a.example", "wildcard"),
            ("https://*.10.0.0.1", "no subdomains"),
            ("*://a.example", "no port of its own"),
            ("http://a.example:9..9", "empty"),
            ("http://a.example:70000", "65535"),
            ("http://10.0.0.0/33", "/32"),
        ] {
            let error = format!("{:#}", Entry::parse(entry).unwrap_err());
            assert!(error.contains(why), "{entry}: {error}");
            assert!(error.contains("https://host[:port]"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_name_that_resolves_into_a_private_network_has_no_address() {
        let resolved = PublicOnly.resolve("localhost".parse().unwrap()).await;
        let error = resolved.err().unwrap();
        assert!(error.is::<NotPublic>(), "{error}");
        // One that whoever owns the name has pointed elsewhere, and beside a public one.
        let inside = [
            "169.254.169.254:0",
            "10.0.0.8:0",
            "[::1]:0",
            "[fd00:ec2::254]:0",
        ];
        let inside = inside.map(|text| text.parse::<SocketAddr>().unwrap());
        assert!(public_of("metadata.example.org", inside.into_iter()).is_err());
        let public: SocketAddr = "8.8.8.8:0".parse().unwrap();
        let all = inside.into_iter().chain([public]);
        assert_eq!(public_of("mixed.example.org", all).unwrap(), [public]);
    }
}
