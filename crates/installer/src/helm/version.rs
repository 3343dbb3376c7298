//! The versions of helm that work.

use crate::failure::Failure;

/// The oldest version that works. It introduced labels on releases, by which `surge down` recognizes ours.
pub(super) const OLDEST: Version = Version(3, 13, 0);

/// A version of helm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32, u32);

impl Version {
    /// Major, minor and patch.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self(major, minor, patch)
    }

    /// Parses `v4.3.1`, `v3.14.0+g123` or `3.14.0-rc.1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let numbers = text.split(['+', '-']).next()?;
        let mut parts = numbers.split('.').map(str::parse::<u32>);
        let mut next = || parts.next()?.ok();
        Some(Self(next()?, next()?, next()?))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The fix for a missing or old helm.
pub(super) fn advice() -> String {
    format!("install helm {OLDEST} or newer: https://helm.sh/docs/intro/install/")
}

/// Parses and checks the output of `helm version`.
///
/// # Errors
/// If it is no version, or the version is too old.
pub(super) fn checked(output: &str) -> Result<Version, Failure> {
    match Version::parse(output) {
        None => Err(Failure::step(format!("helm prints no version: {:?}", output.trim()), advice())),
        Some(version) if version < OLDEST => {
            Err(Failure::step(format!("helm {version} is too old: it cannot label releases"), advice()))
        }
        Some(version) => Ok(version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_parsed_and_checked() {
        for (text, expected) in [
            ("v4.3.1", Some(Version(4, 3, 1))),
            ("v3.14.0+g3fc9f4b\n", Some(Version(3, 14, 0))),
            ("3.13.0-rc.1", Some(Version(3, 13, 0))),
            ("v3", None),
            ("", None),
        ] {
            assert_eq!(Version::parse(text), expected, "{text:?}");
        }
        assert!(checked("v3.12.3").unwrap_err().what.contains("helm 3.12.3 is too old"));
        assert!(checked("Client: v2").unwrap_err().what.contains("prints no version"));
        assert_eq!(checked("v3.13.0"), Ok(OLDEST));
    }
}
