//! The README's table of keys equals the program's table.
//!
//! `INSTA_UPDATE=always cargo test -p tui --test it readme` rewrites it, as it does the screens.

#[test]
fn the_readme_has_the_table_of_keys() {
    const MARKS: (&str, &str) = ("<!-- keys -->\n", "<!-- /keys -->\n");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let table = dashboard::keys::readme();
    let (before, rest) = readme.split_once(MARKS.0).expect("the table's first mark");
    let (_, after) = rest.split_once(MARKS.1).expect("the table's second mark");
    let wanted = format!("{before}{}{table}{}{after}", MARKS.0, MARKS.1);
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        std::fs::write(path, wanted).unwrap();
    } else {
        assert!(readme == wanted, "README.md must hold this between its marks `keys`:\n\n{table}");
    }
}

#[test]
fn each_help_line_fits_the_smallest_window() {
    for binding in dashboard::keys::TABLE.iter().filter(|binding| binding.is_general()) {
        assert!(binding.help.chars().count() <= 63, "{}: {}", binding.shown, binding.help);
        assert!(binding.shown.chars().count() <= 7, "{}", binding.shown);
    }
}
