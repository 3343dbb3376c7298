//! `surge version`.

use std::process::ExitCode;

use installer::print::say;
use serde_json::json;

use super::Format;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Form of the answer
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: Format,
}

pub(super) fn main(arguments: &Args) -> ExitCode {
    let version = env!("CARGO_PKG_VERSION");
    say(&match arguments.output {
        Format::Text => format!("surge {version}\n"),
        Format::Json => {
            let platform = format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH);
            let answer =
                json!({"version": version, "platform": platform, "sandbox": cfg!(feature = "sandbox")});
            format!("{answer:#}\n")
        }
    });
    ExitCode::SUCCESS
}
