//! Bounds of every payload, checked in one pass over its text before anything is built from it.
//!
//! What passes can be parsed into any tree later: limited depth, no lone surrogates, no NUL (neither store can hold
//! it), no number beyond a double.

use super::Invalid;

/// Bytes of one event.
pub const MAX_PAYLOAD: usize = 1 << 20;
/// Bytes of one string between its quotes.
pub const MAX_STRING: usize = 256 << 10;
/// Nested objects and arrays.
pub const MAX_DEPTH: u32 = 32;
/// Keys of all objects together.
pub const MAX_KEYS: u32 = 5_000;

/// Digits of a number that are read without a look at its size.
const PLAIN_DIGITS: usize = 300;

/// Checks the first JSON value of `text`; what follows it (further arguments) is checked alike.
pub(crate) fn check(event: &str, text: &str) -> Result<(), Invalid> {
    if text.len() > MAX_PAYLOAD {
        return Err(Invalid::new(event, "payload", format!("is larger than {MAX_PAYLOAD} bytes")));
    }
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, depth: 0, keys: 0, string: (0, 0), key: (0, 0) };
    scan.run().map_err(|message| {
        let (from, to) = scan.key;
        let field = match text.get(from..to) {
            Some(key) if !key.is_empty() => key.chars().take(100).collect(),
            _ => "payload".to_owned(),
        };
        Invalid::new(event, field, message)
    })
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
    keys: u32,
    /// Where the last string lies.
    string: (usize, usize),
    /// Where the last key lies: named in the refusal.
    key: (usize, usize),
}

impl Scan<'_> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => self.string()?,
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(format!("is nested deeper than {MAX_DEPTH}"));
                    }
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b':' => {
                    self.key = self.string;
                    self.keys += 1;
                    if self.keys > MAX_KEYS {
                        return Err(format!("has more than {MAX_KEYS} keys in all"));
                    }
                }
                b'-' | b'0'..=b'9' => self.number()?,
                _ => {}
            }
        }
        Ok(())
    }

    /// From behind the opening quote to behind the closing one.
    fn string(&mut self) -> Result<(), String> {
        let start = self.at;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => break,
                b'\\' => self.escape()?,
                0 => return Err("contains a NUL character".to_owned()),
                _ => self.at += 1,
            }
        }
        self.string = (start, self.at);
        if self.at - start > MAX_STRING {
            return Err(format!("holds a string of more than {MAX_STRING} bytes"));
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        const LONE: &str = "contains a lone surrogate";
        if self.bytes.get(self.at + 1) != Some(&b'u') {
            self.at += 2;
            return Ok(());
        }
        let unit = self.unit(self.at + 2);
        self.at += 6;
        match unit {
            Some(0) => Err("contains a NUL character".to_owned()),
            Some(0xDC00..=0xDFFF) => Err(LONE.to_owned()),
            Some(0xD800..=0xDBFF) => {
                let is_pair = self.bytes.get(self.at..self.at + 2) == Some(b"\\u".as_slice())
                    && matches!(self.unit(self.at + 2), Some(0xDC00..=0xDFFF));
                self.at += 6;
                if is_pair { Ok(()) } else { Err(LONE.to_owned()) }
            }
            // Text that is no JSON at all is the parser's to refuse.
            _ => Ok(()),
        }
    }

    fn unit(&self, from: usize) -> Option<u16> {
        let hex = std::str::from_utf8(self.bytes.get(from..from + 4)?).ok()?;
        u16::from_str_radix(hex, 16).ok()
    }

    fn number(&mut self) -> Result<(), String> {
        let start = self.at - 1;
        let mut has_exponent = false;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'0'..=b'9' | b'.' | b'+' | b'-' => {}
                b'e' | b'E' => has_exponent = true,
                _ => break,
            }
            self.at += 1;
        }
        if !has_exponent && self.at - start <= PLAIN_DIGITS {
            return Ok(());
        }
        let text = std::str::from_utf8(&self.bytes[start..self.at]).unwrap_or("");
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(()),
            _ => Err("holds a number that is too large".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Option<String> {
        check("e", text).err().map(|invalid| format!("{}: {}", invalid.field, invalid.message))
    }

    #[test]
    fn table() {
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        let keys = |n: usize| {
            let all: Vec<String> = (0..n).map(|k| format!("\"k{k}\":0")).collect();
            format!("{{{}}}", all.join(","))
        };
        let string = |n: usize| format!("{{\"s\":\"{}\"}}", "x".repeat(n));
        let cases: Vec<(String, Option<&str>)> = vec![
            (r#"{"a":"\ud83d\ude00 \" \\ \n","b":[1,-2.5e3,1e308]}"#.into(), None),
            (deep(31), None),
            (deep(32), Some("a: is nested deeper than 32")),
            (deep(10_000), Some("a: is nested deeper than 32")),
            (keys(5_000), None),
            (keys(5_001), Some("k5000: has more than 5000 keys in all")),
            (string(MAX_STRING), None),
            (string(MAX_STRING + 1), Some("s: holds a string of more than 262144 bytes")),
            (string(MAX_PAYLOAD), Some("payload: is larger than 1048576 bytes")),
            (r#"{"a":{"b":"x\u0000"}}"#.into(), Some("b: contains a NUL character")),
            (r#"{"a":"\ud800"}"#.into(), Some("a: contains a lone surrogate")),
            (r#"{"a":"\ud800\u0041"}"#.into(), Some("a: contains a lone surrogate")),
            (r#"{"a":"\udc00\ud800"}"#.into(), Some("a: contains a lone surrogate")),
            (r#"{"a":1e999}"#.into(), Some("a: holds a number that is too large")),
            (format!("{{\"a\":{}}}", "9".repeat(400)), Some("a: holds a number that is too large")),
            (String::new(), None),
            ("\"\\u".into(), None),
            ("\"\\".into(), None),
        ];
        for (text, want) in cases {
            let start: String = text.chars().take(60).collect();
            assert_eq!(message(&text).as_deref(), want, "{start}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_what_passes_parses_into_a_tree(text in "[\\[\\]{}\",:\\\\ud0-9eE+.\u{0}aé-]{0,60}") {
            let bounded = check("e", &text).is_ok();
            if bounded && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok() {
                serde_json::from_str::<serde_json::Value>(&text).unwrap();
            }
        }
    }
}
