//! The path of a field, such as `spec.metrics[0].external`.

/// A path that borrows its parent. Only errors format it as text.
#[derive(Clone, Copy)]
pub(crate) enum FieldPath<'a> {
    Root(&'static str),
    Field(&'a FieldPath<'a>, &'static str),
    #[cfg_attr(not(feature = "k8s"), expect(dead_code, reason = "only pods have lists with keys"))]
    Key(&'a FieldPath<'a>, &'a str),
    Index(&'a FieldPath<'a>, usize),
}

impl<'a> FieldPath<'a> {
    pub(crate) const fn field(&'a self, name: &'static str) -> Self {
        Self::Field(self, name)
    }

    pub(crate) const fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }
}

impl std::fmt::Display for FieldPath<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root(name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Key(parent, key) => write!(f, "{parent}[{key}]"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
