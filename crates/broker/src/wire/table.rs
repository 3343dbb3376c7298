//! Validates a field table before it is decoded.
//!
//! amq-protocol decodes tables recursively. A frame of 128 KiB can contain twenty thousand nested arrays, which would
//! overflow the stack. This module checks depth and structure first, without recursion.

use super::bytes::{Cursor, UnexpectedEnd};

/// Maximum nesting depth of tables and arrays.
const MAX_DEPTH: usize = 32;

/// Reason why a table is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableError {
    /// The bytes are not a table.
    Malformed,
    /// Tables and arrays are nested more than [`MAX_DEPTH`] deep.
    TooDeep,
}

impl From<UnexpectedEnd> for TableError {
    fn from(_: UnexpectedEnd) -> Self {
        Self::Malformed
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Table,
    Array,
}

/// Validates a table and moves the cursor after it.
pub(crate) fn check(cursor: &mut Cursor<'_>) -> Result<(), TableError> {
    let mut open = vec![(Kind::Table, Cursor::new(cursor.long_string()?))];
    while let Some((kind, inside)) = open.last_mut() {
        if inside.is_empty() {
            open.pop();
            continue;
        }
        if *kind == Kind::Table {
            // The decoder requires UTF-8 keys.
            std::str::from_utf8(inside.short_string()?).map_err(|_| TableError::Malformed)?;
        }
        let deeper = match inside.u8()? {
            b't' | b'b' | b'B' => inside.take(1).map(|_| None)?,
            b's' | b'u' | b'U' => inside.take(2).map(|_| None)?,
            b'I' | b'i' | b'f' => inside.take(4).map(|_| None)?,
            b'L' | b'l' | b'd' | b'T' => inside.take(8).map(|_| None)?,
            b'D' => inside.take(5).map(|_| None)?,
            b'S' | b'x' => inside.long_string().map(|_| None)?,
            b'V' => None,
            b'A' => Some((Kind::Array, Cursor::new(inside.long_string()?))),
            b'F' => Some((Kind::Table, Cursor::new(inside.long_string()?))),
            _ => return Err(TableError::Malformed),
        };
        if let Some(deeper) = deeper {
            if open.len() == MAX_DEPTH {
                return Err(TableError::TooDeep);
            }
            open.push(deeper);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> Vec<u8> {
        let mut value = vec![b'V'];
        for _ in 0..depth {
            let mut outer = vec![b'A'];
            outer.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
            outer.extend(value);
            value = outer;
        }
        let mut table = u32::try_from(value.len() + 2).unwrap().to_be_bytes().to_vec();
        table.extend([1, b'k']);
        table.extend(value);
        table
    }

    #[test]
    fn depth_is_limited() {
        assert_eq!(check(&mut Cursor::new(&nested(10))), Ok(()));
        assert_eq!(check(&mut Cursor::new(&nested(31))), Ok(()));
        assert_eq!(check(&mut Cursor::new(&nested(32))), Err(TableError::TooDeep));
        assert_eq!(check(&mut Cursor::new(&nested(20_000))), Err(TableError::TooDeep));
    }

    #[test]
    fn malformed_tables_are_rejected() {
        for bytes in [
            &[0, 0, 0, 9][..],
            &[0, 0, 0, 3, 1, b'k', b'?'],
            &[0, 0, 0, 3, 1, 0xff, b'V'],
            &[0, 0, 0, 4, 1, b'k', b'S', 0],
        ] {
            assert_eq!(check(&mut Cursor::new(bytes)), Err(TableError::Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn the_cursor_moves_after_the_table() {
        let mut bytes = nested(1);
        bytes.push(7);
        let mut cursor = Cursor::new(&bytes);
        check(&mut cursor).unwrap();
        assert_eq!(cursor.u8(), Ok(7));
        assert!(cursor.is_empty());
    }
}
