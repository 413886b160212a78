//! Subject patterns as NATS has them.

/// Whether `subject` matches `pattern`: `*` is one token, a closing `>` one or more.
#[must_use]
pub fn matches(pattern: &str, subject: &str) -> bool {
    let mut subject = subject.split('.');
    let mut pattern = pattern.split('.').peekable();
    while let Some(want) = pattern.next() {
        let Some(have) = subject.next() else { return false };
        if want == ">" && pattern.peek().is_none() {
            return true;
        }
        if want != "*" && want != have {
            return false;
        }
    }
    subject.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn table() {
        let cases = [
            ("a.b", "a.b", true),
            ("a.b", "a.c", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("a.>", "a.b", true),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            (">", "a", true),
            ("*.b.*", "a.b.c", true),
            ("a", "a.b", false),
        ];
        for (pattern, subject, want) in cases {
            assert_eq!(matches(pattern, subject), want, "{pattern} {subject}");
        }
    }
}
