//! The HTML file: one page for one run, or for several with a comparison first.
//!
//! The file has its style and its script inside. A content security policy allows these two by their hashes and nothing else,
//! so no request can leave the file. Text from recordings is cleaned and escaped.

mod compare;
mod figures;
mod sections;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::palette;
use crate::run::Run;
use crate::strings;

/// The rules of the page, without the colours.
const STYLE: &str = include_str!("../assets/report.css");

/// Values under the pointer, zoom, and curves on or off. The page is complete without it.
const SCRIPT: &str = include_str!("../assets/report.js");

/// The report of the runs, in their order. `generator` is the program that writes it, with its version.
#[must_use]
pub fn html(runs: &[Run], generator: &str) -> String {
    let style = format!("{}{STYLE}", palette::css());
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(&style),
        hash(SCRIPT)
    );
    let names: Vec<&str> = runs.iter().map(|run| run.origin.name.as_str()).collect();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(generator);
                title { (strings::title(&names)) }
                style { (PreEscaped(&style)) }
            }
            body {
                main {
                    h1 { (strings::REPORT) }
                    @if let [run] = runs {
                        (sections::run(run, 0))
                    } @else {
                        (contents(runs))
                        (compare::table(runs))
                        @for (index, run) in runs.iter().enumerate() {
                            (sections::run(run, index))
                        }
                    }
                }
                footer { p { (strings::made_by(generator)) } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn contents(runs: &[Run]) -> Markup {
    html! {
        nav aria-label=(strings::CONTENTS) {
            ol {
                @for (index, run) in runs.iter().enumerate() {
                    li { a href=(format!("#run-{index}")) { (run.origin.name) } }
                }
            }
        }
    }
}

/// The source expression of a content security policy that allows exactly this text.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}
