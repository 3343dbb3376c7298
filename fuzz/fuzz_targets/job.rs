//! Whatever bytes a queue delivers, reading them as a job neither panics nor takes what it could not write.

#![no_main]

use contract::{Job, MAX_JOB_BYTES};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    match Job::parse(body) {
        Ok(job) => {
            assert!(body.len() <= MAX_JOB_BYTES);
            let again = Job::parse(&job.to_body()).expect("a job that was read can be read again");
            assert_eq!((again.id, &again.burst), (job.id, &job.burst));
            // Written with milliseconds, so read a second time it is the same in every bit.
            assert_eq!(again.to_body(), job.to_body());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
