//! The path of a field in a body, written out only when the field is wrong.

use std::fmt;

/// `tasks[3].productUrl` as a chain of borrowed segments.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldPath<'a> {
    /// The body itself.
    Root,
    /// A member of an object.
    Key(&'a FieldPath<'a>, &'a str),
    /// An element of an array.
    Index(&'a FieldPath<'a>, usize),
}

impl<'a> FieldPath<'a> {
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }

    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }
}

impl fmt::Display for FieldPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_documented() {
        let root = FieldPath::Root;
        let tasks = root.key("tasks");
        let third = tasks.index(3);
        assert_eq!(third.key("productUrl").to_string(), "tasks[3].productUrl");
        assert_eq!(root.key("name").to_string(), "name");
    }
}
