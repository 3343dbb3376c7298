//! The credentials of the broker's user: read from the Secret, or generated if there is none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::names;
use serde_json::Value;

use super::apply::Objects;
use super::failure::Failure;
use super::object::Key;

/// Name of a generated user.
const USERNAME: &str = "surge";

/// Characters of a generated password: no similar ones, and none with a meaning in a shell or a URL.
const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Length of a generated password: 24 of 56 characters have 139 bits.
const LENGTH: usize = 24;

/// The credentials of the broker's user.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User.
    pub username: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The Secret with the credentials.
#[must_use]
pub fn key(namespace: &str) -> Key {
    Key {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: names::RABBITMQ.to_owned(),
    }
}

/// The credentials in the Secret, or new ones if there is no Secret.
///
/// # Errors
/// If the Secret may not be read, or lacks a key.
pub async fn read_or_make(objects: &mut Objects, namespace: &str) -> Result<Credentials, Failure> {
    match objects.get(&key(namespace)).await? {
        Some(secret) => read(&secret, namespace),
        None => make(),
    }
}

fn read(secret: &Value, namespace: &str) -> Result<Credentials, Failure> {
    let field = |name: &str| {
        let text = secret["data"][name].as_str().and_then(|text| STANDARD.decode(text).ok());
        text.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|text| !text.is_empty()).ok_or_else(
            || {
                let what = format!("{} has no valid {name}", key(namespace));
                Failure::step(
                    what,
                    "add the keys username and password, or delete it: surge up makes a new one",
                )
            },
        )
    };
    Ok(Credentials { username: field(names::SECRET_USERNAME)?, password: field(names::SECRET_PASSWORD)? })
}

fn make() -> Result<Credentials, Failure> {
    let mut bytes = [0_u8; LENGTH];
    let mut password = String::with_capacity(LENGTH);
    // Bytes above the last multiple of the alphabet's size would make its first characters more likely.
    let usable = u8::MAX - u8::MAX % LETTERS.len() as u8;
    while password.len() < LENGTH {
        random(&mut bytes)?;
        let letters = bytes.iter().filter(|byte| **byte < usable);
        let letters = letters.map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
        password.extend(letters.take(LENGTH - password.len()));
    }
    Ok(Credentials { username: USERNAME.to_owned(), password })
}

/// Fills `bytes` with cryptographic randomness.
fn random(bytes: &mut [u8]) -> Result<(), Failure> {
    use std::io::Read as _;
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(bytes))
        .map_err(|error| Failure::step(format!("reading /dev/urandom for a password failed: {error}"), ""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_existing_secret_is_used() {
        let secret = json!({"data": {"username": "bWU=", "password": "c2VjcmV0"}});
        let read = read(&secret, "demo").unwrap();
        assert_eq!((read.username.as_str(), read.password.as_str()), ("me", "secret"));
        assert!(!format!("{read:?}").contains("secret"));
    }

    #[test]
    fn a_secret_without_a_password_is_an_error() {
        for data in [json!({"username": "bWU="}), json!({"username": "bWU=", "password": ""}), json!(null)] {
            let failure = read(&json!({"data": data}), "demo").unwrap_err();
            assert!(failure.what.starts_with("Secret rabbitmq in namespace demo has no "), "{failure:?}");
        }
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let (one, other) = (make().unwrap().password, make().unwrap().password);
        assert_eq!(one.len(), LENGTH);
        assert!(one.bytes().all(|byte| LETTERS.contains(&byte)));
        assert_ne!(one, other);
    }
}
