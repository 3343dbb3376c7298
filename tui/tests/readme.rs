//! The README's table of keys is the one that the program acts by.

#[test]
fn the_readme_has_the_table_of_keys() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let table = tui::keys::readme();
    assert!(readme.contains(&table), "README.md must hold this between its marks `keys`:\n\n{table}");
}
