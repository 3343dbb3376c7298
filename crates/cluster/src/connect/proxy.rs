//! The proxy between this machine and the API server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// Parses `proxy-url`. It applies to every server, as in client-go.
///
/// # Errors
/// The cause, without the URL: it may contain a password.
pub(super) fn parse(url: &str) -> Result<Uri, String> {
    // The proxy resolves names in both variants.
    let url = url.replacen("socks5h://", "socks5://", 1);
    let url: Uri = url.parse().map_err(|_invalid| "is not a URL".to_owned())?;
    match url.scheme_str() {
        Some("http" | "https" | "socks5") => Ok(url),
        scheme => {
            let scheme = scheme.unwrap_or("no scheme");
            Err(format!("has {scheme}; surge supports http, https and socks5"))
        }
    }
}

/// The proxy of the environment for `server`, if the server is not excepted by `NO_PROXY` and not on this machine.
pub(super) fn from_environment(server: &Uri) -> Option<Uri> {
    if is_loopback(server.host().unwrap_or_default()) || Matcher::from_env().intercept(server).is_none() {
        return None;
    }
    let name = if server.scheme_str() == Some("http") { "HTTP_PROXY" } else { "HTTPS_PROXY" };
    let value = |name: &str| std::env::var(name).ok().filter(|url| !url.is_empty());
    let url = value(name).or_else(|| value(&name.to_lowercase()))?;
    let url = if url.contains("://") { url } else { format!("http://{url}") };
    parse(&url).ok()
}

/// User and password in the URL of a proxy.
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

impl Login {
    /// The login in a URL, decoded.
    pub(super) fn of(url: &Uri) -> Option<Self> {
        let (login, _host) = url.authority()?.as_str().rsplit_once('@')?;
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        Some(Self { user: decoded(user), password: decoded(password) })
    }

    /// The value of a `Proxy-Authorization` field.
    pub(super) fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }
}

/// A URL without its login, and the login. Logs of the HTTP client have the URL.
pub(super) fn without_login(url: Uri) -> (Uri, Option<Login>) {
    let login = Login::of(&url);
    let bare = login.as_ref().and_then(|_login| redacted(&url).parse().ok());
    (bare.unwrap_or(url), login)
}

/// Returns true for the names and addresses of this machine.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// A URL for messages: without user and password.
pub(super) fn redacted(url: &Uri) -> String {
    let Some(authority) = url.authority().filter(|authority| authority.as_str().contains('@')) else {
        return url.to_string();
    };
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    format!("{}://{host}{}", url.scheme_str().unwrap_or("https"), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsupported_schemes_are_refused() {
        for (url, expected) in [
            ("http://h:1", Some("http://h:1/")),
            ("https://u:p@h:1", Some("https://u:p@h:1/")),
            ("socks5://h:1", Some("socks5://h:1/")),
            ("socks5h://h:1", Some("socks5://h:1/")),
            ("ftp://h:1", None),
            ("h:1", None),
        ] {
            assert_eq!(parse(url).ok().map(|url| url.to_string()).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn logins_are_decoded() {
        let login = |url: &str| Login::of(&url.parse().unwrap()).map(|login| (login.user, login.password));
        assert_eq!(login("http://u:p%40%2F@h:1"), Some(("u".to_owned(), "p@/".to_owned())));
        assert_eq!(login("http://u@h:1"), Some(("u".to_owned(), String::new())));
        assert_eq!(login("http://h:1"), None);
    }

    #[test]
    fn urls_are_printed_without_credentials() {
        for (url, expected) in
            [("https://user:secret@h:1/path", "https://h:1/path"), ("https://h:1/path", "https://h:1/path")]
        {
            assert_eq!(redacted(&url.parse().unwrap()), expected);
        }
    }

    #[test]
    fn all_spellings_of_loopback_are_recognized() {
        for (host, expected) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("10.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }
}
