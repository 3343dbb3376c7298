//! The recording: requests to the recorder, and its reports.

/// A request to the recorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordRequest {
    /// Begin to record into a new file, or end the recording.
    Toggle,
    /// Save the last ten hours from memory.
    Save,
}

/// A report of the recorder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecorderEvent {
    /// The recording has this size in bytes now.
    Wrote {
        /// The path of the newest file.
        file: String,
        /// Bytes of all its files.
        bytes: u64,
    },
    /// The recording has ended.
    Ended {
        /// The path of the newest file.
        file: String,
        /// Bytes of all its files.
        bytes: u64,
    },
    /// The recorder saved the memory to a file.
    Saved {
        /// Its path.
        file: String,
        /// Its bytes.
        bytes: u64,
    },
    /// The memory could not be saved, as a sentence.
    NotSaved(String),
    /// The recorder could not write, as a sentence. A recording has ended.
    Failed(String),
}
