//! The observed world of a run: the numbers that an engine asks for.

use crate::figure::Known;
use crate::file::Part;
use crate::names::Name;

/// The world of a run: a dashboard's model, or a simulation.
pub trait World {
    /// A value of scope now or run. Counts of scope run only grow; the engine subtracts those of the start.
    fn value(&self, name: Name) -> Known;

    /// The number of the newest burst; 0 before the first.
    fn newest_burst(&self) -> u32;

    /// A value of scope burst of each burst after number `after`, with the burst's number. A burst to which the name does not
    /// apply is left out.
    fn bursts(&self, name: Name, after: u32) -> Vec<(u32, Known)>;

    /// Returns true while requests of a burst have no answer, or the queue has not been read since: an empty queue is old news
    /// then, and no wait ends.
    fn is_catching_up(&self) -> bool;

    /// Returns true if a part of the metric chain is stopped.
    fn is_stopped(&self, part: Part) -> bool;
}
