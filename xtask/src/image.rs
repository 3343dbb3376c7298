//! Images without Docker: builds static executables and packs each into an archive for `docker load`, `podman load`,
//! `ctr images import`, `kind load image-archive` and `minikube image load`.
//!
//! The Dockerfiles of the programs build the same images with Docker.

mod oci;
mod tar;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use contract::names;

use oci::Image;

/// Arguments of `cargo xtask image`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The image to build
    #[arg(value_enum, default_value = "all")]
    program: Program,
    /// Folder for the archives NAME.tar
    #[arg(long, default_value = "target/images")]
    output: PathBuf,
    /// Folder with static executables that are already built
    #[arg(long)]
    binary_dir: Option<PathBuf>,
    /// Tag [default: the workspace's version]
    #[arg(long)]
    tag: Option<String>,
}

impl Args {
    /// Both images into `output`, with defaults for the rest.
    pub(crate) fn all(output: PathBuf) -> Self {
        Self { program: Program::All, output, binary_dir: None, tag: None }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Program {
    Producer,
    Worker,
    All,
}

/// The program and the metadata of one image.
struct Source {
    program: &'static str,
    image: &'static str,
    port: u16,
    description: &'static str,
}

const SOURCES: [Source; 2] = [
    Source {
        program: names::PRODUCER,
        image: names::PRODUCER_IMAGE,
        port: names::PRODUCER_HTTP.number,
        description: "Publishes jobs to RabbitMQ and answers after the broker's confirm",
    },
    Source {
        program: names::WORKER,
        image: names::WORKER_IMAGE,
        port: names::WORKER_METRICS.number,
        description: "Takes jobs from RabbitMQ, one at a time, and acknowledges each after its work",
    },
];

/// Builds the images, writes the archives and prints one line per image.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no folder above it")?;
    let wanted: Vec<&Source> = SOURCES
        .iter()
        .filter(|source| match args.program {
            Program::Producer => source.program == names::PRODUCER,
            Program::Worker => source.program == names::WORKER,
            Program::All => true,
        })
        .collect();
    let target = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let binaries = match &args.binary_dir {
        Some(folder) => folder.clone(),
        None => build(root, &target, &wanted)?,
    };
    let tag = args.tag.as_deref().unwrap_or(env!("CARGO_PKG_VERSION"));
    let created = source_date(root);
    let labels = |source: &Source| {
        let mut labels = vec![
            ("org.opencontainers.image.title", source.program.to_owned()),
            ("org.opencontainers.image.description", source.description.to_owned()),
            ("org.opencontainers.image.version", tag.to_owned()),
            ("org.opencontainers.image.licenses", env!("CARGO_PKG_LICENSE").to_owned()),
        ];
        labels.extend(revision(root).map(|revision| ("org.opencontainers.image.revision", revision)));
        labels
    };
    fs::create_dir_all(&args.output).with_context(|| format!("cannot create {}", args.output.display()))?;
    for source in wanted {
        let path = binaries.join(source.program);
        let binary = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            is_static(&binary),
            "{} is not a static executable; the image has no dynamic linker",
            path.display()
        );
        let name = format!("docker.io/{}:{tag}", source.image);
        let image = Image {
            program: source.program,
            binary: &binary,
            name: &name,
            port: source.port,
            architecture: architecture(),
            created,
            labels: &labels(source),
        };
        let (archive, digest) = image.archive()?;
        let file = args.output.join(format!("{}.tar", source.program));
        fs::write(&file, &archive).with_context(|| format!("cannot write {}", file.display()))?;
        println!("{}  {name}  {digest}  {} bytes", file.display(), archive.len());
    }
    Ok(())
}

/// Builds the programs for the images and returns their folder.
fn build(root: &Path, target: &str, wanted: &[&Source]) -> anyhow::Result<PathBuf> {
    let folder = root.join("target").join("image");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root).args(["build", "--locked", "--profile", "image", "--target", target]);
    // The packages have the same features, so one build with unified features serves both.
    for source in wanted {
        command.args(["-p", source.program, "--features", &format!("{}/tls", source.program)]);
    }
    // Without the remapping, the executable would contain paths of this machine, and its digest would depend on them.
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned()];
    flags.push(format!("--remap-path-prefix={}=/source", root.display()));
    if let Some(home) = env::var_os("CARGO_HOME")
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo").into_os_string()))
    {
        flags.push(format!("--remap-path-prefix={}=/cargo", Path::new(&home).display()));
    }
    command
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CARGO_TARGET_DIR", &folder)
        .env_remove("RUSTFLAGS");
    let status = command.status().context("cannot start cargo")?;
    ensure!(status.success(), "cargo build of the programs failed: {status}");
    Ok(folder.join(target).join("image"))
}

/// Returns true if the ELF file names no interpreter, as a static executable does.
fn is_static(elf: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    let word = |at: usize| elf.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
    let half = |at: usize| elf.get(at..at + 2).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes);
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return false;
    }
    let (Some(offset), Some(size), Some(count)) = (word(32), half(54), half(56)) else { return false };
    (0..usize::from(count)).all(|entry| {
        let at = usize::try_from(offset).unwrap_or(usize::MAX).saturating_add(entry * usize::from(size));
        let kind = elf.get(at..at.saturating_add(4)).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
        kind.is_some_and(|kind| kind != PT_INTERP)
    })
}

fn architecture() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The time of the source in seconds since 1970: `SOURCE_DATE_EPOCH` (reproducible-builds.org), else the last commit.
fn source_date(root: &Path) -> u64 {
    let given = env::var("SOURCE_DATE_EPOCH").ok();
    given
        .or_else(|| git(root, &["log", "-1", "--format=%ct"]))
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn revision(root: &Path) -> Option<String> {
    git(root, &["rev-parse", "HEAD"])
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").current_dir(root).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_executable_is_not_static() {
        let this = fs::read(env::current_exe().unwrap()).unwrap();
        assert!(!is_static(&this));
        assert!(!is_static(b"#!/bin/sh\n"));
        assert!(!is_static(&this[..200]));
    }
}
