//! The rules of the controller's release, from the API server's version.

use hpa::{Config, Release};

use crate::strings;

/// The controller's settings and the release that they are of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// The settings: the defaults of the release. Flags of the controller are not visible from outside.
    pub config: Config,
    /// The release of the API server; `None` if it is unknown.
    pub release: Option<Release>,
}

impl Rules {
    /// The rules for a server's version, such as `v1.34.4`.
    #[must_use]
    pub fn of(version: Option<&str>) -> Self {
        let release = version.and_then(|version| version.parse::<Release>().ok());
        Self { config: release.map_or_else(Config::default, Config::release), release }
    }

    /// The name of the rules: `rules of 1.34`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.release {
            Some(release) if release <= Release::LATEST => strings::rules_of(&release.to_string()),
            Some(release) => strings::newer_release(&release.to_string(), &Release::LATEST.to_string()),
            None => strings::assumed_rules(&Release::LATEST.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_names_its_rules() {
        for (version, name) in [
            (Some("v1.34.4"), "rules of 1.34"),
            (Some("v1.31.2+k3s1"), "rules of 1.31"),
            (Some("v1.99.0"), "1.99 is new: rules of 1.38"),
            (None, "release unknown: rules of 1.38"),
        ] {
            assert_eq!(Rules::of(version).name(), name);
        }
        assert!(!Rules::of(Some("v1.34.4")).config.compat.ignore_succeeded_pods);
    }
}
