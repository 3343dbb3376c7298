//! The program that the sandbox's tests run: as a pod, as the reaper, and as a process with a sandbox that the test kills.

mod host;
mod pod;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let role = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let done = match role.as_str() {
        "reaper" => sandbox::reaper::run(std::io::stdin()).map_err(|error| error.to_string()),
        "pod" => return pod::main(&rest),
        "host" => host::main(),
        other => Err(format!("unknown role {other:?}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
