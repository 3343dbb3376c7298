//! The explanation of an HPA's decision in words: the metrics, their pods, and what the size waits for.
//!
//! Pure. A caller reads the HPA, its scale, the pods and the metrics, and passes them as a [`Subject`]. The dashboard, which
//! knows more about the controller's memory, has a trace of its own and uses the parts: [`metric::reports`],
//! [`pods::table`] and [`outlook::sentences`].

pub mod change;
pub mod figure;
pub mod fleet;
pub mod history;
pub mod keda;
pub mod metric;
pub mod outlook;
pub mod pods;
pub mod report;
pub mod rules;
pub mod strings;
mod subject;

pub use self::subject::{Explanation, Subject, explain, status};
