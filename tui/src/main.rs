//! Arguments to a command, nothing else.

fn main() {}
