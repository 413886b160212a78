//! Several systems on one server: what each calls `ukai.…` has another name there.

use std::borrow::Cow;

/// What all subjects begin with for whoever uses the bus.
const OURS: &str = "ukai.";

/// The first part of subjects on the server.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefix(Option<String>);

impl Prefix {
    pub(super) fn of(name: &str) -> Self {
        Self((name != OURS.trim_end_matches('.')).then(|| format!("{name}.")))
    }

    /// A subject's name on the server.
    pub(super) fn outside<'a>(&self, subject: &'a str) -> Cow<'a, str> {
        match (&self.0, subject.strip_prefix(OURS)) {
            (Some(prefix), Some(rest)) => Cow::Owned(format!("{prefix}{rest}")),
            _ => Cow::Borrowed(subject),
        }
    }

    /// The subject behind a name on the server.
    pub(super) fn inside(&self, name: String) -> String {
        match self.0.as_deref().and_then(|prefix| name.strip_prefix(prefix)) {
            Some(rest) => format!("{OURS}{rest}"),
            None => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Prefix;

    #[test]
    fn table() {
        let (own, none) = (Prefix::of("staging"), Prefix::of("ukai"));
        for (subject, name) in [
            ("ukai.v1.scheduler.in", "staging.v1.scheduler.in"),
            ("ukai.v1.event.>", "staging.v1.event.>"),
            ("_INBOX.x.1", "_INBOX.x.1"),
            ("ukaiv1", "ukaiv1"),
        ] {
            assert_eq!((own.outside(subject).as_ref(), none.outside(subject).as_ref()), (name, subject));
            assert_eq!(
                (own.inside(name.to_owned()), none.inside(subject.to_owned())),
                (subject.to_owned(), subject.to_owned())
            );
        }
    }
}
