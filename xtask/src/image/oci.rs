//! An image as one archive that every tool loads: the OCI layout, plus the `manifest.json` that old versions of
//! `docker load` read. Both refer to the same blobs.
//!
//! Source: <https://github.com/opencontainers/image-spec/blob/main/image-layout.md> and `docker image save`'s format.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::tar::Tar;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// The content and the metadata of an image.
#[derive(Debug)]
pub(super) struct Image<'a> {
    /// Name of the program, which is also its file in the root folder and the entry point.
    pub(super) program: &'a str,
    /// The program's executable.
    pub(super) binary: &'a [u8],
    /// Full name with registry and tag, `docker.io/surge/producer:0.1.0`.
    pub(super) name: &'a str,
    /// Default port of the program.
    pub(super) port: u16,
    /// `amd64` or `arm64`.
    pub(super) architecture: &'a str,
    /// Time of the source, in seconds since 1970.
    pub(super) created: u64,
    /// Labels, and annotations of the manifest.
    pub(super) labels: &'a [(&'a str, String)],
}

/// The user that runs the program: the usual number for an unprivileged user in images without a user file.
const USER: &str = "65532:65532";

impl Image<'_> {
    /// Returns the archive and the digest of the image's manifest.
    ///
    /// # Errors
    /// When a name does not fit the archive's headers.
    pub(super) fn archive(&self) -> anyhow::Result<(Vec<u8>, String)> {
        let mut layer = Tar::default();
        // The time is 0, so that a commit without a change of the program does not change the layer.
        layer.file(self.program, 0o755, 0, self.binary)?;
        let layer = Blob::new(layer.finish());
        let labels: Value = self.labels.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let config = Blob::json(&json!({
            "created": rfc3339(self.created),
            "architecture": self.architecture,
            "os": "linux",
            "config": {
                "User": USER,
                "Entrypoint": [format!("/{}", self.program)],
                "ExposedPorts": { format!("{}/tcp", self.port): {} },
                "StopSignal": "SIGTERM",
                "WorkingDir": "/",
                "Labels": labels,
            },
            "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
            "history": [{ "created": rfc3339(self.created), "created_by": "cargo xtask image" }],
        }));
        let manifest = Blob::json(&json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(CONFIG),
            "layers": [layer.descriptor(LAYER)],
            "annotations": labels,
        }));
        let mut descriptor = manifest.descriptor(MANIFEST);
        descriptor["platform"] = json!({ "architecture": self.architecture, "os": "linux" });
        descriptor["annotations"] = json!({
            "io.containerd.image.name": self.name,
            "org.opencontainers.image.ref.name": self.name.rsplit(':').next().unwrap_or_default(),
        });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [descriptor],
        });
        let docker = json!([{
            "Config": config.path(),
            "RepoTags": [self.name],
            "Layers": [layer.path()],
        }]);

        let mut archive = Tar::default();
        archive.file("oci-layout", 0o644, 0, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        archive.file("index.json", 0o644, 0, index.to_string().as_bytes())?;
        archive.file("manifest.json", 0o644, 0, docker.to_string().as_bytes())?;
        for blob in [&manifest, &config, &layer] {
            archive.file(&blob.path(), 0o644, 0, &blob.bytes)?;
        }
        Ok((archive.finish(), manifest.digest))
    }
}

/// A blob, which is named by its digest.
struct Blob {
    bytes: Vec<u8>,
    digest: String,
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        let hex: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { digest: format!("sha256:{hex}"), bytes }
    }

    fn json(value: &Value) -> Self {
        Self::new(value.to_string().into_bytes())
    }

    fn path(&self) -> String {
        format!("blobs/{}", self.digest.replace(':', "/"))
    }

    fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// Formats a time in UTC (Howard Hinnant's `civil_from_days`).
fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Image<'static> {
        Image {
            program: "producer",
            binary: b"not really a program",
            name: "docker.io/surge/producer:0.1.0",
            port: 3000,
            architecture: "amd64",
            created: 1_700_000_000,
            labels: &[],
        }
    }

    #[test]
    fn archives_are_reproducible() {
        let (bytes, digest) = image().archive().unwrap();
        assert_eq!(image().archive().unwrap(), (bytes, digest.clone()));
        let (_, other) = Image { binary: b"another", ..image() }.archive().unwrap();
        assert_ne!(digest, other);
    }

    #[test]
    fn times_are_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
