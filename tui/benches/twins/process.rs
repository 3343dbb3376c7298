//! Cost and start time of a process, from `/proc`.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, bail};

/// A process of the cluster under test; only its operator knows it.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) name: String,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Pid(u32),
    /// A file that holds the ID, also after a restart.
    File(PathBuf),
}

impl FromStr for Watched {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, place) = text.split_once('=').context("NAME=PID or NAME=FILE is wanted")?;
        if name.is_empty() || place.is_empty() {
            bail!("NAME=PID or NAME=FILE is wanted");
        }
        let place = place.parse().map_or_else(|_| Place::File(place.into()), Place::Pid);
        Ok(Self { name: name.to_owned(), place })
    }
}

impl Watched {
    /// The process' ID now.
    pub(crate) fn pid(&self) -> Option<u32> {
        match &self.place {
            Place::Pid(pid) => Some(*pid),
            Place::File(file) => std::fs::read_to_string(file).ok()?.trim().parse().ok(),
        }
    }

    /// Returns true if a restart can be followed.
    pub(crate) fn is_a_file(&self) -> bool {
        matches!(self.place, Place::File(_))
    }
}

/// Prints a row.
pub(crate) fn report(name: &str, pid: Option<u32>) {
    let of = |field: &str| pid.and_then(|pid| megabytes(pid, field));
    match (of("VmRSS:"), of("RssAnon:")) {
        (Some(resident), Some(own)) => println!("| {name} | {resident:.1} MB | {own:.1} MB |"),
        _ => println!("| {name} | not measured | there is no such process here, or no /proc |"),
    }
}

/// A field of `/proc/PID/status` that is in kB.
fn megabytes(pid: u32, field: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

/// Seconds since the process began, to a hundredth: both figures count from the machine's start, in clock ticks and in seconds.
pub(crate) fn age_seconds(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name that may hold blanks; the begin is the 22nd.
    let began: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let now: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    Some(now - began / 100.0)
}
