//! Commands as a person can paste them into a shell.

/// The words as one line; those that a shell would take apart are quoted.
#[must_use]
pub fn line<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    words.into_iter().map(|word| quoted(word.as_ref())).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(line(["surge", "up", "--set", "a=b,c=d"]), "surge up --set a=b,c=d");
        assert_eq!(line(["a b", "", "it's", "$x"]), r"'a b' '' 'it'\''s' '$x'");
    }
}
