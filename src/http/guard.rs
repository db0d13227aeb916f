//! Keeps web pages away. LocalECS starts containers for whoever can reach it, and a browser on the same machine can:
//! so a request that a foreign page may have sent is refused.
//!
//! - Another origin's page shows by its `Origin` header, or by `Sec-Fetch-Site`. (Browsers send requests before they
//!   look at CORS headers, so leaving those out protects the answer only.)
//! - A page of a name that an attacker lets point here (DNS rebinding) is same-origin for the browser, but shows by
//!   its `Host`. Names are therefore allowed one by one; an IP address in `Host` can't have been rebound.
//!
//! AWS clients send neither header. [`Guard::check`] is a pure function of the headers.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderName, ORIGIN};

use crate::protocol::Rejection;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Prefixes of host names that the SDKs add for event streams of CloudWatch Logs.
const STREAM_PREFIXES: &[&str] = &["stream-", "streaming-"];
/// Names that point to this machine wherever they are resolved, or that only container engines give.
const OWN_NAMES: &[&str] = &[
    "localhost",
    "localecs",
    "host.docker.internal",
    "gateway.docker.internal",
    "host.containers.internal",
    "localhost.localstack.cloud",
];
/// The same for all names below.
const OWN_SUFFIXES: &[&str] = &[".localhost", ".localhost.localstack.cloud"];

/// Who may call.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Guard {
    /// With what the user allows besides the machine's own names: see [`crate::config::Config`].
    #[must_use]
    pub fn new(hosts: &[String], origins: &[String]) -> Self {
        let lower = |list: &[String]| {
            list.iter()
                .map(|item| item.trim().trim_end_matches('/').to_ascii_lowercase())
                .filter(|item| !item.is_empty())
                .collect()
        };
        Self { hosts: lower(hosts), origins: lower(origins) }
    }

    /// Whether a request with these headers may be served.
    ///
    /// # Errors
    /// What to answer when it may not.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        let host = text(headers, &HOST);
        // HTTP/1.0 clients may leave it out; browsers do not.
        if let Some(host) = host
            && !self.allows_host(host)
        {
            return Err(refusal(format!(
                "LocalECS is not known by the name '{}'. If it should be, start it with --allowed-hosts {} (or \
                 LOCALECS_ALLOWED_HOSTS).",
                shown(host),
                shown(host_name(host).unwrap_or(host)),
            )));
        }
        if let Some(origin) = text(headers, &ORIGIN) {
            if is_same_origin(origin, host) || self.allows_origin(origin) {
                return Ok(());
            }
            return Err(refusal(format!(
                "A web page of '{}' may not call LocalECS. If it should, start it with --allowed-origins {} (or \
                 LOCALECS_ALLOWED_ORIGINS).",
                shown(origin),
                shown(origin),
            )));
        }
        if text(headers, &SEC_FETCH_SITE) == Some("cross-site") {
            return Err(refusal("A web page of another site may not call LocalECS.".to_owned()));
        }
        Ok(())
    }

    fn allows_host(&self, host: &str) -> bool {
        let Some(name) = host_name(host) else { return false };
        if name.parse::<IpAddr>().is_ok() {
            return true;
        }
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        // What clients put before the name of the endpoint for StartLiveTail.
        let name = STREAM_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(&name);
        OWN_NAMES.contains(&name)
            || OWN_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
            || self.hosts.iter().any(|allowed| match allowed.trim_start_matches('*') {
                "" => true,
                suffix if suffix.starts_with('.') => name.ends_with(suffix) || *name == suffix[1..],
                exact => name == exact,
            })
    }

    /// Whether the user allowed pages of this origin; those get CORS headers.
    #[must_use]
    pub fn allows_origin(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.origins.iter().any(|allowed| allowed == "*" || *allowed == origin)
    }
}

/// The same host and port as the request went to. The scheme may differ: TLS can end at a proxy.
fn is_same_origin(origin: &str, host: Option<&str>) -> bool {
    let (Some((scheme, authority)), Some(host)) = (origin.split_once("://"), host) else { return false };
    let port = match scheme {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let with_port = |authority: &str| {
        let has_port =
            authority.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let authority = authority.to_ascii_lowercase();
        if has_port { authority } else { format!("{authority}:{port}") }
    };
    with_port(authority) == with_port(host)
}

/// The name or address in a `Host` header, without port and brackets; `None` when it is none.
fn host_name(host: &str) -> Option<&str> {
    let host = host.trim();
    if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        return (port.is_empty() || is_port(port.strip_prefix(':')?)).then_some(address);
    }
    match host.split_once(':') {
        Some((name, port)) => (is_port(port) && !name.is_empty()).then_some(name),
        None => (!host.is_empty()).then_some(host),
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

/// A header that is there once.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// What a message may repeat of a header.
fn shown(text: &str) -> &str {
    text.get(..100).unwrap_or(text)
}

fn refusal(message: String) -> Rejection {
    Rejection::new(403, "AccessDeniedException", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value"))).collect()
    }

    fn passes(guard: &Guard, pairs: &[(&'static str, &str)]) -> bool {
        match guard.check(&headers(pairs)) {
            Ok(()) => true,
            Err(rejection) => {
                assert_eq!((rejection.status, &*rejection.code), (403, "AccessDeniedException"));
                assert!(rejection.message.is_some());
                false
            }
        }
    }

    #[test]
    fn own_names_and_addresses_are_hosts() {
        let guard = Guard::default();
        for host in [
            "localhost",
            "localhost:4566",
            "LOCALHOST:4566",
            "localhost.:4566",
            "ecs.localhost:4566",
            "127.0.0.1:4566",
            "127.9.9.9",
            "[::1]:4566",
            "[::1]",
            "192.168.1.7:4566",
            "[fe80::1]:80",
            "host.docker.internal:4566",
            "localhost.localstack.cloud:4566",
            "ecs.us-east-1.localhost.localstack.cloud:4566",
            "localecs:4566",
            "stream-localhost:4566",
            "streaming-localhost.localstack.cloud:4566",
        ] {
            assert!(passes(&guard, &[("host", host)]), "{host}");
        }
        assert!(passes(&guard, &[]));
    }

    #[test]
    fn a_rebound_name_is_refused() {
        let guard = Guard::default();
        for host in [
            "evil.example",
            "evil.example:4566",
            "localhost.evil.example:4566",
            "127.0.0.1.evil.example:4566",
            "evillocalhost:4566",
            "stream-evil.example",
            "notlocalhost.localstack.cloud",
            "localhost:evil",
            "localhost:4566:80",
            "[::1]evil.example",
            "[::1",
            "::1",
            "",
            ":4566",
            "evil.example#localhost",
            "localhost@evil.example",
        ] {
            assert!(!passes(&guard, &[("host", host)]), "{host}");
            // Same-origin does not help a name that is not ours.
            assert!(!passes(&guard, &[("host", host), ("origin", &format!("http://{host}"))]), "{host}");
        }
    }

    #[test]
    fn allowed_names_are_exact_or_with_a_dot() {
        let guard = Guard::new(&["Aws.test".to_owned(), ".dev.example".to_owned(), "*.x.example".to_owned()], &[]);
        for host in ["aws.test:4566", "AWS.TEST", "a.dev.example", "dev.example", "b.x.example:1"] {
            assert!(passes(&guard, &[("host", host)]), "{host}");
        }
        for host in ["b.aws.test", "evildev.example", "x.test"] {
            assert!(!passes(&guard, &[("host", host)]), "{host}");
        }
        assert!(passes(&Guard::new(&["*".to_owned()], &[]), &[("host", "any.example")]));
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let guard = Guard::default();
        for (host, origin) in [
            ("localhost:4566", "http://evil.example"),
            ("localhost:4566", "https://evil.example:4566"),
            ("localhost:4566", "http://localhost:3000"),
            ("localhost:4566", "http://localhost"),
            ("localhost:4566", "http://127.0.0.1:4566"),
            ("localhost:4566", "null"),
            ("localhost:4566", ""),
            ("localhost:4566", "file://"),
            ("localhost:4566", "chrome-extension://localhost:4566"),
            ("[::1]:4566", "http://[::2]:4566"),
            ("[::1]", "http://[::1]:4566"),
        ] {
            assert!(!passes(&guard, &[("host", host), ("origin", origin)]), "{host} {origin}");
        }
        assert!(!passes(&guard, &[("origin", "http://localhost:4566")]));
    }

    #[test]
    fn pages_of_its_own_may_call() {
        let guard = Guard::default();
        for (host, origin) in [
            ("localhost:4566", "http://localhost:4566"),
            ("LocalHost:4566", "http://localhost:4566"),
            ("localhost", "http://localhost"),
            ("localhost", "http://localhost:80"),
            ("localhost:443", "https://localhost"),
            ("[::1]:4566", "http://[::1]:4566"),
            ("[::1]", "http://[::1]"),
        ] {
            let pairs = [("host", host), ("origin", origin), ("sec-fetch-site", "same-origin")];
            assert!(passes(&guard, &pairs), "{host} {origin}");
        }
    }

    #[test]
    fn allowed_origins_may_call() {
        let guard = Guard::new(&[], &["http://localhost:3000/".to_owned()]);
        assert!(passes(&guard, &[("host", "localhost:4566"), ("origin", "http://localhost:3000")]));
        assert!(!passes(&guard, &[("host", "localhost:4566"), ("origin", "http://localhost:3001")]));
        assert!(!passes(&guard, &[("host", "evil.example"), ("origin", "http://localhost:3000")]));
    }

    #[test]
    fn requests_of_other_sites_without_an_origin_are_refused() {
        let guard = Guard::default();
        assert!(!passes(&guard, &[("host", "localhost:4566"), ("sec-fetch-site", "cross-site")]));
        for site in ["same-origin", "none", "same-site"] {
            assert!(passes(&guard, &[("host", "localhost:4566"), ("sec-fetch-site", site)]), "{site}");
        }
    }
}
