//! CSS selectors, parsed: `a.b#c[d^="e" i]:not(.f):has(> g) > h ~ i, j` and `:nth-child(2n+1)`.

use std::fmt;

/// Compounds in one selector beyond this number are refused, so that matching stays bounded.
const MAX_COMPOUNDS: usize = 12;
/// `:not(:has(:not(…)))` deeper than this is refused.
const MAX_NESTING: usize = 3;

/// A selector list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Selector {
    pub(super) choices: Vec<Complex>,
}

/// Compounds from left to right, each with how it hangs on the one before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Complex {
    pub(super) parts: Vec<(Combinator, Compound)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Combinator {
    Descendant,
    Child,
    Next,
    Later,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Compound {
    pub(super) name: Option<String>,
    pub(super) id: Option<String>,
    pub(super) classes: Vec<String>,
    pub(super) attrs: Vec<AttrTest>,
    pub(super) pseudo: Vec<Pseudo>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct AttrTest {
    pub(super) name: String,
    pub(super) test: Option<(Compare, String)>,
    pub(super) ignore_case: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Equals,
    Word,
    Lang,
    Starts,
    Ends,
    Contains,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pseudo {
    Not(Selector),
    Is(Selector),
    Has(Selector),
    /// `an+b`, from the end, counting only its own name.
    Nth {
        a: i32,
        b: i32,
        last: bool,
        of_type: bool,
    },
    /// Own addition: the text holds the words, in any case.
    Contains(String),
}

/// Why a selector can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelectorError(String);

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Selector {
    /// Parses a selector list.
    pub(crate) fn parse(text: &str) -> Result<Self, SelectorError> {
        Parser { text, at: 0, nesting: 0 }.list(None)
    }

    /// For selectors written in the code: a wrong one matches nothing. A test parses them all.
    pub(crate) fn fixed(text: &str) -> Self {
        let parsed = Selector::parse(text);
        debug_assert!(parsed.is_ok(), "{text}: {parsed:?}");
        parsed.unwrap_or(Selector { choices: Vec::new() })
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    nesting: usize,
}

impl Parser<'_> {
    fn fail<T>(&self, what: &str) -> Result<T, SelectorError> {
        Err(SelectorError(format!("selector `{}`: {what} at column {}", self.text, self.at + 1)))
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn bump(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn eat(&mut self, c: char) -> bool {
        let is_there = self.peek() == Some(c);
        if is_there {
            self.bump();
        }
        is_there
    }

    fn space(&mut self) -> bool {
        let from = self.at;
        while self.peek().is_some_and(char::is_whitespace) {
            self.bump();
        }
        self.at > from
    }

    /// A list up to `close` or the end.
    fn list(&mut self, close: Option<char>) -> Result<Selector, SelectorError> {
        let mut choices = Vec::new();
        loop {
            choices.push(self.complex(close.is_some())?);
            self.space();
            if self.eat(',') {
                continue;
            }
            return match close {
                Some(c) if self.eat(c) => Ok(Selector { choices }),
                None if self.at == self.text.len() => Ok(Selector { choices }),
                _ => self.fail("unexpected character"),
            };
        }
    }

    fn combinator(&mut self) -> Option<Combinator> {
        let combinator = match self.peek()? {
            '>' => Combinator::Child,
            '+' => Combinator::Next,
            '~' => Combinator::Later,
            _ => return None,
        };
        self.bump();
        self.space();
        Some(combinator)
    }

    fn complex(&mut self, nested: bool) -> Result<Complex, SelectorError> {
        self.space();
        // `:has(> b)`: a combinator may come first.
        let first = if nested { self.combinator() } else { None };
        let mut parts = vec![(first.unwrap_or(Combinator::Descendant), self.compound()?)];
        loop {
            let spaced = self.space();
            let combinator = match self.combinator() {
                Some(combinator) => combinator,
                None if spaced && self.peek().is_some_and(|c| !matches!(c, ',' | ')')) => {
                    Combinator::Descendant
                }
                None => return Ok(Complex { parts }),
            };
            if parts.len() == MAX_COMPOUNDS {
                return self.fail("too many parts");
            }
            parts.push((combinator, self.compound()?));
        }
    }

    fn compound(&mut self) -> Result<Compound, SelectorError> {
        let mut compound = Compound::default();
        let from = self.at;
        if !self.eat('*') && self.peek().is_some_and(is_name) {
            compound.name = Some(self.name()?.to_ascii_lowercase());
        }
        loop {
            match self.peek() {
                Some('#') => {
                    self.bump();
                    compound.id = Some(self.name()?);
                }
                Some('.') => {
                    self.bump();
                    compound.classes.push(self.name()?);
                }
                Some('[') => {
                    self.bump();
                    let test = self.attr_test()?;
                    compound.attrs.push(test);
                }
                Some(':') => {
                    self.bump();
                    let pseudo = self.pseudo()?;
                    compound.pseudo.push(pseudo);
                }
                _ if self.at == from => return self.fail("a selector is missing"),
                _ => return Ok(compound),
            }
        }
    }

    fn name(&mut self) -> Result<String, SelectorError> {
        let mut name = String::new();
        loop {
            match self.peek() {
                Some('\\') => {
                    self.bump();
                    match self.peek() {
                        Some(c) => name.push(c),
                        None => return self.fail("nothing after the backslash"),
                    }
                    self.bump();
                }
                Some(c) if is_name(c) => {
                    name.push(c);
                    self.bump();
                }
                _ if name.is_empty() => return self.fail("a name is missing"),
                _ => return Ok(name),
            }
        }
    }

    fn attr_test(&mut self) -> Result<AttrTest, SelectorError> {
        self.space();
        let mut name = self.name()?;
        if self.eat(':') {
            name = format!("{name}:{}", self.name()?);
        }
        self.space();
        if self.eat(']') {
            return Ok(AttrTest { name, test: None, ignore_case: false });
        }
        let compare = match self.peek() {
            Some('=') => Compare::Equals,
            Some('~') => Compare::Word,
            Some('|') => Compare::Lang,
            Some('^') => Compare::Starts,
            Some('$') => Compare::Ends,
            Some('*') => Compare::Contains,
            _ => return self.fail("an attribute comparison is missing"),
        };
        if compare != Compare::Equals {
            self.bump();
        }
        if !self.eat('=') {
            return self.fail("`=` is missing");
        }
        self.space();
        let value = match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            _ => self.name()?,
        };
        self.space();
        let ignore_case = self.eat('i');
        self.space();
        if !self.eat(']') {
            return self.fail("`]` is missing");
        }
        Ok(AttrTest { name, test: Some((compare, value)), ignore_case })
    }

    fn quoted(&mut self, quote: char) -> Result<String, SelectorError> {
        self.bump();
        let rest = &self.text[self.at..];
        match rest.find(quote) {
            Some(end) => {
                self.at += end + quote.len_utf8();
                Ok(rest[..end].to_owned())
            }
            None => self.fail("the quote is not closed"),
        }
    }

    fn pseudo(&mut self) -> Result<Pseudo, SelectorError> {
        let name = self.name()?;
        let nth = |b, last, of_type| Ok(Pseudo::Nth { a: 0, b, last, of_type });
        match name.as_str() {
            "first-child" => return nth(1, false, false),
            "last-child" => return nth(1, true, false),
            "first-of-type" => return nth(1, false, true),
            "last-of-type" => return nth(1, true, true),
            _ => {}
        }
        if !self.eat('(') {
            return self.fail("unknown pseudo-class");
        }
        match name.as_str() {
            "not" | "is" | "has" => {
                if self.nesting == MAX_NESTING {
                    return self.fail("nested too deep");
                }
                self.nesting += 1;
                let inner = self.list(Some(')'))?;
                self.nesting -= 1;
                Ok(match name.as_str() {
                    "not" => Pseudo::Not(inner),
                    "is" => Pseudo::Is(inner),
                    _ => Pseudo::Has(inner),
                })
            }
            "contains" => {
                self.space();
                let words = match self.peek() {
                    Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
                    _ => return self.fail("a quoted text is missing"),
                };
                self.space();
                if self.eat(')') {
                    Ok(Pseudo::Contains(words.to_lowercase()))
                } else {
                    self.fail("`)` is missing")
                }
            }
            "nth-child" | "nth-last-child" | "nth-of-type" | "nth-last-of-type" => {
                let rest = &self.text[self.at..];
                let Some(end) = rest.find(')') else { return self.fail("`)` is missing") };
                let Some((a, b)) = nth_formula(&rest[..end]) else {
                    return self.fail("an `an+b` is missing");
                };
                self.at += end + 1;
                Ok(Pseudo::Nth { a, b, last: name.contains("last"), of_type: name.contains("type") })
            }
            _ => self.fail("unknown pseudo-class"),
        }
    }
}

fn nth_formula(text: &str) -> Option<(i32, i32)> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    match text.as_str() {
        "odd" => return Some((2, 1)),
        "even" => return Some((2, 0)),
        _ => {}
    }
    match text.split_once('n') {
        None => text.parse().ok().map(|b| (0, b)),
        Some((a, b)) => {
            let a = match a {
                "" | "+" => 1,
                "-" => -1,
                a => a.parse().ok()?,
            };
            Some((a, if b.is_empty() { 0 } else { b.parse().ok()? }))
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '\\') || (!c.is_ascii() && !c.is_whitespace())
}
