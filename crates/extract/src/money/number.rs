//! Numbers in a text: what is a decimal mark and what parts thousands.

use super::currency::Found;

/// Longer runs of digits are identifiers, not prices.
const MAX_DIGITS: usize = 24;

/// A number as it stands in the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Groups of digits and the marks between them: one mark fewer than groups.
    groups: Vec<String>,
    marks: Vec<char>,
    /// The text began with a mark: `.75`.
    leading: Option<char>,
    /// Cents behind the currency: `12€50`.
    cents: Option<String>,
}

/// All numbers of a text, in order.
pub(super) fn numbers(chars: &[char], found: &[Found]) -> Vec<Number> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if digit(chars[at]).is_none() {
            at += 1;
            continue;
        }
        let mut number = read(chars, at);
        number.cents = cents(chars, &mut number, found);
        at = number.to;
        if number.groups.iter().map(String::len).sum::<usize>() <= MAX_DIGITS {
            out.push(number);
        }
    }
    out
}

fn read(chars: &[char], from: usize) -> Number {
    let leading = from.checked_sub(1).and_then(|at| chars.get(at)).copied().filter(|c| {
        let before = from.checked_sub(2).and_then(|at| chars.get(at));
        matches!(c, '.' | ',') && !before.is_some_and(|c| c.is_alphanumeric())
    });
    let (mut groups, mut marks) = (Vec::new(), Vec::new());
    let (first, mut at) = run(chars, from);
    groups.push(first);
    while let Some((mark, next)) = mark_at(chars, at, &groups, &marks) {
        let (group, end) = run(chars, next);
        marks.push(mark);
        groups.push(group);
        at = end;
    }
    Number { from, to: at, groups, marks, leading, cents: None }
}

/// The digits from `at` on, in ASCII, and where they end.
fn run(chars: &[char], at: usize) -> (String, usize) {
    let digits: String = chars[at..].iter().map_while(|c| digit(*c)).collect();
    let end = at + digits.len();
    (digits, end)
}

/// The mark that continues a number at `at`, and where the digits go on.
fn mark_at(chars: &[char], at: usize, groups: &[String], marks: &[char]) -> Option<(char, usize)> {
    let c = *chars.get(at)?;
    let digits_at =
        |at: usize| chars[at.min(chars.len())..].iter().take_while(|c| digit(**c).is_some()).count();
    match c {
        '.' | ',' | '٫' | '٬' | '،' | '·' | '．' | '，' => {
            let next = digits_at(at + 1);
            if next > 0 {
                return Some((normal(c), at + 1));
            }
            // `8. 94`, `392. 00`.
            let spaced = chars.get(at + 1).is_some_and(|c| c.is_whitespace()) && digits_at(at + 2) == 2;
            (spaced && marks.is_empty()).then_some((normal(c), at + 2))
        }
        '\'' | '’' | '´' | '`' | '‘' => (digits_at(at + 1) == 3).then_some(('\'', at + 1)),
        c if c.is_whitespace() => {
            let thousands = digits_at(at + 1) == 3
                && marks.iter().all(|mark| *mark == ' ')
                && groups
                    .iter()
                    .enumerate()
                    .all(|(i, group)| if i == 0 { group.len() <= 3 } else { group.len() == 3 });
            thousands.then_some((' ', at + 1))
        }
        _ => None,
    }
}

fn normal(mark: char) -> char {
    match mark {
        '٫' | '·' | '．' => '.',
        '٬' | '،' | '，' => ',',
        other => other,
    }
}

/// Cents after the currency: `12€50`, and `1250€ 60` at the end of the text.
fn cents(chars: &[char], number: &mut Number, found: &[Found]) -> Option<String> {
    if !number.marks.is_empty() {
        return None;
    }
    let currency = found.iter().find(|found| found.from == number.to && found.symbol.is_sign())?;
    let spaces = chars[currency.to..].iter().take_while(|c| c.is_whitespace()).count();
    let (digits, end) = run(chars, currency.to + spaces);
    let ends_well =
        if spaces == 0 { !chars.get(end).is_some_and(|c| c.is_alphanumeric()) } else { end == chars.len() };
    (digits.len() == 2 && spaces <= 1 && ends_well).then(|| {
        number.to = number.to.max(currency.from);
        digits
    })
}

impl Number {
    /// The value; the currency decides whether three digits after a mark are thousands or thousandths.
    pub(super) fn value(&self, code: Option<&str>) -> Option<f64> {
        let decimals = self.decimals(code);
        let whole = self.groups.len() - usize::from(decimals);
        let mut text: String = self.groups[..whole].concat();
        if let Some(cents) = &self.cents {
            text = format!("{text}.{cents}");
        } else if decimals {
            text = format!("{text}.{}", self.groups[whole]);
        } else if self.leading.is_some() && self.marks.is_empty() {
            text = format!("0.{text}");
        }
        text.parse().ok().filter(|value: &f64| value.is_finite())
    }

    /// Whether the last group stands behind a decimal mark.
    fn decimals(&self, code: Option<&str>) -> bool {
        let (Some(last_mark), Some(last)) = (self.marks.last(), self.groups.last()) else { return false };
        if matches!(last_mark, ' ' | '\'') {
            return false;
        }
        let same = self.marks.iter().filter(|mark| *mark == last_mark).count();
        if same < self.marks.len() {
            // Two kinds of marks: the last kind is the decimal one if it stands only once.
            return same == 1;
        }
        if same > 1 {
            return last.len() != 3;
        }
        let first = &self.groups[0];
        if last.len() != 3 || first.len() > 3 {
            return true;
        }
        let thousandths = matches!(code, Some("KWD" | "BHD" | "OMR" | "JOD" | "TND" | "LYD"));
        (first == "0" && self.leading.is_none()) || thousandths
    }
}

/// A decimal digit of any script that prices are written in, as ASCII.
fn digit(c: char) -> Option<char> {
    let zero = match c {
        '0'..='9' => return Some(c),
        '\u{660}'..='\u{669}' => 0x660,
        '\u{6f0}'..='\u{6f9}' => 0x6f0,
        '\u{966}'..='\u{96f}' => 0x966,
        '\u{9e6}'..='\u{9ef}' => 0x9e6,
        '\u{e50}'..='\u{e59}' => 0xe50,
        '\u{ff10}'..='\u{ff19}' => 0xff10,
        _ => return None,
    };
    char::from_digit(u32::from(c).checked_sub(zero)?, 10)
}
