//! Tar archives (POSIX ustar) that depend only on their files, not on the machine's times, users or file order, so that
//! the same content has the same digest everywhere.

use anyhow::ensure;

const BLOCK: usize = 512;
/// Limit of the header's first field; the names here are far shorter.
const MAX_NAME: usize = 100;

/// An archive under construction.
#[derive(Debug, Default)]
pub(super) struct Tar {
    bytes: Vec<u8>,
}

impl Tar {
    /// Adds a file owned by root, with `mode` and the time `mtime` (seconds since 1970).
    ///
    /// # Errors
    /// When the name does not fit the header.
    pub(super) fn file(&mut self, name: &str, mode: u32, mtime: u64, content: &[u8]) -> anyhow::Result<()> {
        ensure!(!name.is_empty() && name.len() <= MAX_NAME, "{name:?} does not fit a tar header");
        let mut header = [0_u8; BLOCK];
        put(&mut header[..MAX_NAME], name.as_bytes());
        put(&mut header[100..], format!("{mode:07o}\0").as_bytes());
        put(&mut header[108..], b"0000000\0");
        put(&mut header[116..], b"0000000\0");
        put(&mut header[124..], format!("{:011o}\0", content.len()).as_bytes());
        put(&mut header[136..], format!("{mtime:011o}\0").as_bytes());
        header[156] = b'0';
        put(&mut header[257..], b"ustar\x0000");
        // The checksum counts its own field as spaces.
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().copied().map(u32::from).sum();
        put(&mut header[148..], format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
        Ok(())
    }

    /// Returns the archive with its end-of-archive blocks.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }
}

fn put(field: &mut [u8], bytes: &[u8]) {
    field[..bytes.len()].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    #[test]
    fn gnu_tar_lists_the_archive() {
        let mut tar = Tar::default();
        tar.file("empty", 0o644, 0, b"").unwrap();
        tar.file("folder/program", 0o755, 1_700_000_000, &[7; 513]).unwrap();
        let mut child = Command::new("tar")
            .args(["--utc", "--full-time", "-tvf", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&tar.finish()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let listing = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Vec<&str>> = listing.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines,
            [
                ["-rw-r--r--", "0/0", "0", "1970-01-01", "00:00:00", "empty"],
                ["-rwxr-xr-x", "0/0", "513", "2023-11-14", "22:13:20", "folder/program"],
            ]
        );
    }

    #[test]
    fn a_long_name_is_refused() {
        assert!(Tar::default().file(&"x".repeat(101), 0o644, 0, b"").is_err());
    }
}
