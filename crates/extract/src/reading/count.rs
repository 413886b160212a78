//! Counts as pages write them: `2,820`, `14.397.946 visualizaciones`, `83.1k`, `1,2 Mio.`, `(896)`.

/// Only that many characters are read.
const MAX_CHARS: usize = 200;

/// The first count of a text.
pub(crate) fn count(text: &str) -> Option<u64> {
    let chars: Vec<char> = text.chars().take(MAX_CHARS).collect();
    let from = chars.iter().position(char::is_ascii_digit)?;
    let mut groups: Vec<String> = vec![String::new()];
    let mut marks = Vec::new();
    let mut at = from;
    while let Some(c) = chars.get(at) {
        if c.is_ascii_digit() {
            groups.last_mut()?.push(*c);
        } else if is_mark(*c)
            && chars.get(at + 1).is_some_and(char::is_ascii_digit)
            && (!c.is_whitespace() || three(&chars, at + 1))
        {
            marks.push(*c);
            groups.push(String::new());
        } else {
            break;
        }
        at += 1;
    }
    let rest: String = chars[at..].iter().collect::<String>().trim_start().to_lowercase();
    let scale = scale_of(&rest);
    let last = groups.last().map_or(0, String::len);
    let fraction = groups.len() == 2
        && matches!(marks.first(), Some('.' | ','))
        && (last != 3 || (scale > 1.0 && groups[0].len() < 4 && last < 3));
    let number: f64 = if fraction { groups.join(".").parse().ok()? } else { groups.concat().parse().ok()? };
    let value = number * scale;
    (value.is_finite() && value < 9e15).then(|| to_u64(value))
}

fn is_mark(c: char) -> bool {
    matches!(c, '.' | ',' | '\'' | '’') || c.is_whitespace()
}

fn three(chars: &[char], at: usize) -> bool {
    let digits = chars[at..].iter().take_while(|c| c.is_ascii_digit()).count();
    digits == 3
}

fn scale_of(rest: &str) -> f64 {
    let word: String = rest.chars().take_while(|c| c.is_alphabetic()).collect();
    match word.as_str() {
        "k" | "tsd" | "mil" | "тыс" | "rb" | "tn" => 1e3,
        "m" | "mio" | "mn" | "mln" | "млн" | "jt" | "mi" | "million" | "millionen" | "millones" => 1e6,
        "b" | "mrd" | "bn" | "млрд" => 1e9,
        _ => match rest.chars().next() {
            Some('万' | '萬' | '만') => 1e4,
            Some('億' | '亿' | '억') => 1e8,
            Some('千' | '천') => 1e3,
            _ => 1.0,
        },
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be finite, positive and below 2^53"
)]
fn to_u64(value: f64) -> u64 {
    value.round() as u64
}
