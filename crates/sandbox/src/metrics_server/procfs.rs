//! CPU time and memory of processes and of the machine, from `/proc`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::samples::Point;

/// CPU time and resident memory, in bytes, of a process and its descendants. `None` if the process is gone.
///
/// The CPU time includes descendants that have ended and whose parent waited for them.
pub(super) fn process_tree(pid: i32) -> Option<(Duration, u64)> {
    let (mut ticks, mut pages) = stat(&PathBuf::from(format!("/proc/{pid}/stat")))?;
    let mut waiting = children(pid);
    while let Some(pid) = waiting.pop() {
        if let Some((child_ticks, child_pages)) = stat(&PathBuf::from(format!("/proc/{pid}/stat"))) {
            ticks += child_ticks;
            pages += child_pages;
            waiting.extend(children(pid));
        }
    }
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    Some((from_ticks(ticks), pages * page))
}

/// CPU time of all processors, and memory in use that the system cannot reclaim at once.
pub(super) fn node(at: Timestamp) -> Option<Point> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let started = at.checked_sub(SignedDuration::try_from_secs_f64(uptime).ok()?).ok()?;
    Some(Point { started, at, cpu: from_ticks(busy_ticks(&stat)?), memory: memory_in_use(&info)? })
}

/// Ticks that the processors spent on work: all but idle, iowait, and the guests' time that `user` includes.
fn busy_ticks(stat: &str) -> Option<u64> {
    let fields: Vec<u64> = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal
    Some([0, 1, 2, 5, 6, 7].iter().filter_map(|index| fields.get(*index)).sum())
}

fn memory_in_use(info: &str) -> Option<u64> {
    let kib = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    Some(kib("MemTotal:")?.saturating_sub(kib("MemAvailable:")?) * 1024)
}

/// CPU ticks, those of waited-for children included, and resident pages of one process.
fn stat(path: &Path) -> Option<(u64, u64)> {
    parse_stat(&fs::read_to_string(path).ok()?)
}

fn parse_stat(stat: &str) -> Option<(u64, u64)> {
    // The name in parentheses can contain anything; the fields after it begin with the state, field 3 of proc(5).
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let ticks = field(14)? + field(15)? + field(16)? + field(17)?;
    Some((ticks, field(24)?))
}

fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

fn from_ticks(ticks: u64) -> Duration {
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_secs_f64(ticks as f64 / per_second as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_its_fields_after_the_last_parenthesis() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 1 2 3 4 100 20 3 1 20 0 7 0 99 5000000 250 18446744073709551615 1";
        assert_eq!(parse_stat(stat), Some((124, 250)));
        assert_eq!(parse_stat("42 (a"), None);
    }

    #[test]
    fn a_processor_is_busy_outside_of_idle_and_iowait() {
        let stat = "cpu  10 20 30 4000 500 6 7 8 900 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n";
        assert_eq!(busy_ticks(stat), Some(10 + 20 + 30 + 6 + 7 + 8));
        let info = "MemTotal:       1000 kB\nMemFree: 100 kB\nMemAvailable:    400 kB\n";
        assert_eq!(memory_in_use(info), Some(600 * 1024));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_cpu_and_memory() {
        let own = i32::try_from(std::process::id()).unwrap();
        let (before, memory) = process_tree(own).unwrap();
        assert!(memory > 100_000, "{memory}");
        let burned = std::time::Instant::now();
        while process_tree(own).unwrap().0 <= before {
            assert!(burned.elapsed() < Duration::from_secs(30), "CPU time does not grow");
        }
        assert!(node(Timestamp::now()).is_some());
        assert_eq!(process_tree(i32::MAX), None);
    }
}
