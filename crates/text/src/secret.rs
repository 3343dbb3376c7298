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
    let mut before = parts.next().unwrap_or_default();
    let mut hidden = before.to_owned();
    for part in parts {
        hidden.push_str("://");
        hidden.push_str(&hide_rest(before, part));
        before = part;
    }
    Cow::Owned(hidden)
}

/// The text after `://`, up to the next URL. `before` ends with the scheme.
fn hide_rest(before: &str, rest: &str) -> String {
    let end =
        |from: usize, stops: fn(char) -> bool| rest[from..].find(stops).map_or(rest.len(), |at| from + at);
    let authority_end = end(0, |c| c.is_whitespace() || "/?#".contains(c));
    // A password with a raw `/` looks like a port that is no number. A broker's URL has no `@` in its path.
    let authority = &rest[..authority_end];
    let has_odd_port =
        authority.split_once(':').is_some_and(|(_, port)| !port.bytes().all(|byte| byte.is_ascii_digit()));
    let is_broker = before.ends_with("amqp") || before.ends_with("amqps");
    let word_end = end(0, |c| c.is_whitespace() || "\"'<>`".contains(c));
    let authority_end = match rest[..word_end].rfind('@') {
        Some(at) if at >= authority_end && (is_broker || (has_odd_port && !authority.contains('@'))) => {
            end(at, |c| c.is_whitespace() || "/?#".contains(c))
        }
        _ => authority_end,
    };
    let mut hidden = match rest[..authority_end].rsplit_once('@') {
        // A broker's user is no secret; other servers take a token in its place.
        Some((user, host)) if is_broker && !user.contains([':', '/']) => format!("{user}@{host}"),
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

/// The text without the values of settings whose names announce a secret: `password=value`, `"password": "value"` and
/// `Authorization: value`. A value that a shell fills in, such as `$PASSWORD`, is no secret.
///
/// ```
/// use text::secret::hide_settings;
///
/// assert_eq!(hide_settings("AMQP_PASSWORD=pw of the token: none"), "AMQP_PASSWORD=(hidden) of the token: none");
/// ```
#[must_use]
pub fn hide_settings(text: &str) -> Cow<'_, str> {
    let mut hidden = String::new();
    let mut rest = text;
    while let Some(at) = rest.find([':', '=']) {
        let (before, mark) = rest.split_at(at);
        let (lead, value) = value_of(before, mark);
        hidden.push_str(before);
        hidden.push_str(&mark[..lead]);
        hidden.push_str(if value == 0 { "" } else { HIDDEN });
        rest = &mark[lead + value..];
    }
    if hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    hidden.push_str(rest);
    Cow::Owned(hidden)
}

/// The length of the mark `:` or `=` with its quotes, and of the secret value behind it; `before` ends with the name.
fn value_of(before: &str, mark: &str) -> (usize, usize) {
    const NOTHING: (usize, usize) = (1, 0);
    let name = before.trim_end_matches(['"', '\'', '\\']);
    let is_quoted = name.len() < before.len();
    let is_header = name.to_ascii_lowercase().ends_with("authorization");
    let is_part = |c: char| c.is_alphanumeric() || "_-.[]".contains(c);
    let start =
        name.char_indices().rev().take_while(|(_, c)| is_part(*c)).last().map_or(name.len(), |(at, _)| at);
    let announces = is_secret_name(&name[start..]) && (mark.starts_with('=') || is_quoted);
    if !announces && !is_header {
        return NOTHING;
    }
    let value = mark[1..].trim_start_matches([' ', '"', '\'', '\\']);
    let end = match is_header {
        // A header has its scheme before the credentials.
        true => value.find(['"', '\'', '\n']),
        false => value.find(|c: char| c.is_whitespace() || "\"'<>`,;&\\".contains(c)),
    }
    .unwrap_or(value.len());
    if end == 0 || value.starts_with(['$', '(']) { NOTHING } else { (mark.len() - value.len(), end) }
}

/// An argument of a command without the credentials of URLs and without the value of a setting whose name announces a secret.
/// It also hides the rest of the argument behind that value, because the value may contain commas.
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
    fn raw_passwords_of_brokers_are_hidden() {
        for (text, expected) in [
            ("amqp://guest@h:5672", "amqp://guest@h:5672"),
            ("amqp://guest:12/34s3cret@h:5672/", "amqp://(hidden)@h:5672/"),
            ("amqp://us@er/x:p:a/s3cret#zz@h:1/", "amqp://(hidden)@h:1/"),
            ("http://u:a/s3cret@h", "http://(hidden)@h"),
            ("https://h:443/a@b", "https://h:443/a@b"),
            ("http://[::1]:80/", "http://[::1]:80/"),
        ] {
            assert_eq!(hide(text), expected);
        }
    }

    #[test]
    fn values_in_prose_and_json_are_hidden() {
        for (text, expected) in [
            ("AMQP_PASSWORD=s3cret host=h", "AMQP_PASSWORD=(hidden) host=h"),
            ("password=\"s3cret\" x", "password=\"(hidden)\" x"),
            (r#"{"password":"s3cret","user":"u"}"#, r#"{"password":"(hidden)","user":"u"}"#),
            (r#"{"access_token": "s3cret"}"#, r#"{"access_token": "(hidden)"}"#),
            ("Authorization: Bearer s3cret", "Authorization: (hidden)"),
            ("--from-literal=password=$PASSWORD", "--from-literal=password=$PASSWORD"),
            ("the token: it has expired", "the token: it has expired"),
            ("rejects the credentials: Unauthorized (401)", "rejects the credentials: Unauthorized (401)"),
            ("é password=(hidden)", "é password=(hidden)"),
            ("wörtertoken=s3cret é=", "wörtertoken=(hidden) é="),
            ("password=", "password="),
            ("none", "none"),
        ] {
            assert_eq!(hide_settings(text), expected);
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
