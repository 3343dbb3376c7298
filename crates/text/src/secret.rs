//! Hides credentials in text: those in URLs, and the values of settings whose names announce a secret.

use std::borrow::Cow;

/// The text in place of a secret.
pub const HIDDEN: &str = "(hidden)";

/// Ends of the names of settings with secret values, in lower case and without separators.
const SECRET_NAMES: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "token",
    "secret",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "credentials",
    "signature",
    "sig",
];

/// Starts of the names of settings that name a Secret and do not contain it.
const NAMES_OF_SECRETS: [&str; 2] = ["existing", "imagepull"];

/// Returns true if the last part of a setting's name, such as `grafana.adminPassword`, announces a secret.
///
/// ```
/// use text::secret::is_secret_name;
///
/// assert!(is_secret_name("grafana.adminPassword") && is_secret_name("smtp.api_key"));
/// assert!(!is_secret_name("auth.create") && !is_secret_name("existingSecret"));
/// ```
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let last = last.split('[').next().unwrap_or_default();
    let plain: String =
        last.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_NAMES.iter().any(|end| plain.ends_with(end))
        && !NAMES_OF_SECRETS.iter().any(|start| plain.starts_with(start))
}

/// The text without the user information of its URLs, and without secret parameters in their queries.
///
/// ```
/// use text::secret::hide;
///
/// assert_eq!(hide("GET https://me:pw@host/a?sig=1&b=2: no"), "GET https://(hidden)@host/a?sig=(hidden)&b=2: no");
/// assert_eq!(hide("h/w@sha256:ab"), "h/w@sha256:ab");
/// ```
#[must_use]
pub fn hide(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split("://");
    let mut hidden = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        hidden.push_str("://");
        hidden.push_str(&hide_rest(part));
    }
    Cow::Owned(hidden)
}

/// The text after `://`, up to the next URL.
fn hide_rest(rest: &str) -> String {
    let end =
        |from: usize, stops: fn(char) -> bool| rest[from..].find(stops).map_or(rest.len(), |at| from + at);
    let authority_end = end(0, |c| c.is_whitespace() || "/?#".contains(c));
    let mut hidden = match rest[..authority_end].rsplit_once('@') {
        Some((_, host)) => format!("{HIDDEN}@{host}"),
        None => rest[..authority_end].to_owned(),
    };
    let url_end = end(authority_end, |c| c.is_whitespace() || "\"'".contains(c));
    match rest[authority_end..url_end].split_once('?') {
        Some((path, query)) => {
            let parameters: Vec<String> = query.split('&').map(hide_parameter).collect();
            hidden.push_str(&format!("{path}?{}", parameters.join("&")));
        }
        None => hidden.push_str(&rest[authority_end..url_end]),
    }
    hidden + &rest[url_end..]
}

fn hide_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if is_secret_name(name) => format!("{name}={HIDDEN}"),
        _ => parameter.to_owned(),
    }
}

/// An argument of a command without the credentials of URLs and without the value of a setting whose name announces a secret.
/// What follows that value is hidden too, because the value may contain commas.
///
/// ```
/// use text::secret::hide_word;
///
/// assert_eq!(hide_word("a=1,auth.password=x,y"), "a=1,auth.password=(hidden)");
/// ```
#[must_use]
pub fn hide_word(word: &str) -> Cow<'_, str> {
    let secret = word.match_indices('=').map(|(at, _)| at + 1).find(|end| is_secret_name(&word[..end - 1]));
    match secret {
        Some(end) if end < word.len() => Cow::Owned(format!("{}{HIDDEN}", hide(&word[..end]))),
        _ => hide(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_urls_are_hidden() {
        for (text, expected) in [
            ("https://me:secret@h/charts", "https://(hidden)@h/charts"),
            ("https://token@h", "https://(hidden)@h"),
            ("oci://me:p@ss@h:5000/c", "oci://(hidden)@h:5000/c"),
            ("--repo 'https://me:it'\\''s@h/c' --version 1", "--repo 'https://(hidden)@h/c' --version 1"),
            ("a https://u:p@h, b http://v:q@i/x?y#z", "a https://(hidden)@h, b http://(hidden)@i/x?y#z"),
            (
                "https://h/a.tgz?X-Amz-Signature=abc&n=1\": 403",
                "https://h/a.tgz?X-Amz-Signature=(hidden)&n=1\": 403",
            ),
            // An at sign in a path is no user information.
            ("oci://h/c@sha256:ab", "oci://h/c@sha256:ab"),
            ("mail me@h", "mail me@h"),
        ] {
            assert_eq!(hide(text), expected);
        }
    }

    #[test]
    fn values_of_secret_settings_are_hidden() {
        for (word, expected) in [
            ("--stack-set=keda.a=1,b.adminPassword=x\\,y", "--stack-set=keda.a=1,b.adminPassword=(hidden)"),
            ("keda=https://me:x@h/keda", "keda=https://(hidden)@h/keda"),
            ("auth.create=false", "auth.create=false"),
            ("auth.password=", "auth.password="),
            ("worker=h/w:1", "worker=h/w:1"),
        ] {
            assert_eq!(hide_word(word), expected);
        }
    }

    #[test]
    fn names_announce_secrets() {
        for name in ["password", "a.b.adminPassword", "smtp_token", "x.clientSecret", "list[0].api-key"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "auth.create",
            "existingSecret",
            "imagePullSecrets[0].name",
            "imagePullSecret",
            "password.enabled",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
