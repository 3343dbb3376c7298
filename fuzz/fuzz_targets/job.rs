//! Parses any bytes as a job: no panic, and every accepted job round-trips.

#![no_main]

use contract::{Job, MAX_JOB_BYTES};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    match Job::parse(body) {
        Ok(job) => {
            assert!(body.len() <= MAX_JOB_BYTES);
            let again = Job::parse(&job.to_body()).expect("an accepted job parses again");
            assert_eq!((again.id, &again.burst), (job.id, &job.burst));
            // Job times have milliseconds, so the second body equals the first.
            assert_eq!(again.to_body(), job.to_body());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
