//! Enforces the part of the wording rules in CONTRIBUTING.md that a program can check.
//!
//! Two rules, over every file of the repository with prose in it (comments, doc comments, texts, names):
//!
//! - A doc comment does not start with a question word ([`QUESTION_WORDS`]): it starts with a noun phrase or a third-person
//!   verb.
//! - Words of [`WORDS`] are not used. A count over the sources of 500 other crates found almost none of them, so they cost
//!   the reader a second reading.
//!
//! `SURGE_WORDING=crates/broker cargo test -p xtask --test wording` checks one area.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use regex::{Regex, RegexBuilder};

/// First words that a doc comment must not have.
const QUESTION_WORDS: &[&str] =
    &["What", "Whether", "How", "Who", "Whom", "Whose", "Where", "Of", "When", "Why", "Which"];

/// Words that are not used, and the usual words in their place.
const WORDS: &[(&str, &str)] = &[
    ("nobody", "no user, no client, no pod, nothing"),
    ("somebody", "a user, another client, another controller"),
    ("anybody", "any user, any client"),
    ("everybody", "every user, every client, all"),
    ("whoever", "the user who, the client that"),
    ("whatever it", "name the thing"),
    ("anew", "again, or the verb with re-"),
    ("afresh", "again, or the verb with re-"),
    ("so many", "the number, such as `count` pods"),
    ("so much", "the amount"),
    ("so long", "the duration; while; as long as"),
    ("word of", "update, notification, watch event"),
    ("come by", "measured, obtained"),
    ("comes by", "measured, obtained"),
    ("coming by", "measuring, obtaining"),
    ("came by", "measured, obtained"),
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("mending", "fixing"),
    ("bears", "has, carries, tolerates"),
    ("beside", "next to, in addition to, compared with"),
    ("stands", "is, exists, remains"),
    ("told", "reported; or the active voice: the watch reports"),
    ("heard", "received, reported"),
    ("what was", "the noun: the request, the value"),
    ("what is of", "the noun"),
    ("is to be", "must be, will be"),
    ("at the least", "at least"),
    ("weightiest", "most important"),
    ("in vain", "without success, fails"),
    ("of no use", "invalid, unusable"),
];

/// Ordinary phrases that contain a word of [`WORDS`].
const ORDINARY: &[&str] = &["stands for", "stands in for"];

/// Files that are not read, and why. A path that ends in `/` is a folder.
const EXEMPT: &[(&str, &str)] = &[
    ("charts/upstream/crds/", "texts of other projects, verbatim"),
    ("charts/upstream/values/", "texts of other projects, verbatim"),
    ("crates/hpa/tests/data/", "texts of Kubernetes, verbatim"),
    ("crates/apiserver/tests/data/", "texts of Kubernetes, verbatim"),
    ("crates/apiserver/tests/suite/data/", "texts of Kubernetes, verbatim"),
    ("xtask/tests/wording.rs", "the list itself"),
];

/// One broken rule.
struct Finding {
    path: String,
    line: usize,
    rule: String,
}

/// The files with prose in them, by their paths in the repository; new ones count before they are committed.
fn paths() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new("git")
        .current_dir(root)
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .output()
        .expect("git lists the files of the repository");
    assert!(output.status.success(), "git: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|path| has_prose(path) && !is_exempt(path)).map(str::to_owned).collect()
}

fn has_prose(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name.rsplit_once('.') {
        Some((_, "rs" | "md" | "yaml" | "yml" | "toml" | "tpl" | "sh")) => true,
        // The Grafana dashboard and the descriptions of the chart's values.
        Some((_, "json")) => path.starts_with("charts/autoscaling-demo/"),
        _ => name == "NOTES.txt" || name == "Dockerfile" || folder == ".ci" || path == "fuzz/run",
    }
}

fn is_exempt(path: &str) -> bool {
    EXEMPT
        .iter()
        .any(|(exempt, _why)| if exempt.ends_with('/') { path.starts_with(exempt) } else { path == *exempt })
}

/// One pattern for all phrases. A phrase may be wrapped over two lines of a comment or of a text.
fn pattern(phrases: impl Iterator<Item = &'static str>) -> Regex {
    let gap = r"[\s/!#*>\\]+";
    let phrases: Vec<String> = phrases.map(|phrase| phrase.replace(' ', gap)).collect();
    RegexBuilder::new(&format!(r"\b(?:{})\b", phrases.join("|"))).case_insensitive(true).build().unwrap()
}

struct Rules {
    words: Regex,
    ordinary: Regex,
}

impl Rules {
    fn new() -> Self {
        Self {
            words: pattern(WORDS.iter().map(|(word, _)| *word)),
            ordinary: pattern(ORDINARY.iter().copied()),
        }
    }

    fn check(&self, path: &str, text: &str) -> Vec<Finding> {
        let finding = |line, rule| Finding { path: path.to_owned(), line, rule };
        let mut findings: Vec<Finding> = self.banned(path).map(|(_, rule)| finding(1, rule)).collect();
        let line_of = |at: usize| text[..at].matches('\n').count() + 1;
        findings.extend(self.banned(text).map(|(at, rule)| finding(line_of(at), rule)));
        if path.ends_with(".rs") {
            findings.extend(question_words(text).map(|(line, word)| {
                let rule = format!(
                    "a doc comment starts with a noun phrase or a third-person verb, not with `{word}`"
                );
                finding(line, rule)
            }));
        }
        findings
    }

    /// The places of banned words, in bytes, with the rule. Words inside `snake_case` names count.
    fn banned(&self, text: &str) -> impl Iterator<Item = (usize, String)> {
        let spaced = text.replace('_', " ");
        let ordinary: Vec<_> = self.ordinary.find_iter(&spaced).map(|found| found.range()).collect();
        let found: Vec<(usize, String)> = self
            .words
            .find_iter(&spaced)
            .filter(|found| !ordinary.iter().any(|range| range.contains(&found.start())))
            .map(|found| (found.start(), found.as_str().to_lowercase()))
            .collect();
        found.into_iter().map(|(at, found)| {
            let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).collect::<String>();
            let entry = WORDS.iter().find(|(word, _)| letters(word) == letters(&found));
            let (word, instead) = entry.expect("the pattern is made of these words");
            (at, format!("`{word}` is not used; instead: {instead}"))
        })
    }
}

/// The lines, from 1, on which a doc comment starts with a question word, and the word.
fn question_words(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    let marker = |line: &str| {
        let line = line.trim_start();
        ["///", "//!"].into_iter().find(|marker| line.starts_with(marker) && !line.starts_with("////"))
    };
    let lines = std::iter::once("").chain(text.lines()).zip(text.lines()).enumerate();
    lines.filter_map(move |(index, (before, line))| {
        let marker = marker(line).filter(|found| marker(before) != Some(found))?;
        let comment = line.trim_start().trim_start_matches(marker).trim_start();
        let first = comment.trim_start_matches(['*', '`', '"']).split(|c: char| !c.is_alphabetic()).next()?;
        QUESTION_WORDS.iter().find(|word| **word == first).map(|word| (index + 1, *word))
    })
}

fn read(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    // A file that was deleted but is still in the index has no words.
    if file.exists() { std::fs::read_to_string(file).unwrap() } else { String::new() }
}

#[test]
fn prose_follows_the_wording_rules() {
    let rules = Rules::new();
    let area = std::env::var("SURGE_WORDING").ok();
    let mut report = String::new();
    for path in paths() {
        let findings = rules.check(&path, &read(&path));
        let wanted = area.as_ref().is_none_or(|area| path.starts_with(area.as_str()));
        for Finding { path, line, rule } in findings.iter().filter(|_| wanted) {
            // Writing to a string does not fail.
            let _ = writeln!(report, "{path}:{line}: {rule}");
        }
    }
    assert!(
        report.is_empty(),
        "{} findings; the rules are in CONTRIBUTING.md\n{report}",
        report.lines().count()
    );
}

#[test]
fn the_rules_find_what_they_name() {
    let rules = Rules::new();
    for (text, expected) in [
        ("/// What a pod is.\n", vec![1]),
        ("/// The pod.\n/// What it does.\n", vec![]),
        ("//! Whether.\n\n/// `How` it is.\n", vec![1, 3]),
        ("/// # Errors\n/// When it fails.\n", vec![]),
        ("//// What.\n// What.\n", vec![]),
        ("/// Whatever. An Officer.\n", vec![]),
        ("x\n// a pod is told, and what\n// was there\n", vec![2, 2]),
        ("\"Nobody\" \"standstill\" \"stands for\" \"it stands\"\n", vec![1, 1]),
        ("fn what_was_asked() {}\n", vec![1]),
        ("\"for so \\\n    long\"\n", vec![1]),
    ] {
        let lines: Vec<usize> = rules.check("a.rs", text).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, expected, "{text}");
    }
    assert_eq!(rules.check("src/told.rs", "").len(), 1);
    assert_eq!(rules.check("README.md", "/// What.\n").len(), 0);
}

#[test]
fn contributing_names_existing_files() {
    let text = read("CONTRIBUTING.md");
    let quoted = text.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = quoted
        .filter(|word| {
            ["charts/", "crates/", "docs/", "tui/", "xtask/"].iter().any(|top| word.starts_with(top))
        })
        .collect();
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
        assert!(file.exists(), "CONTRIBUTING.md names {path}, which does not exist");
    }
}
