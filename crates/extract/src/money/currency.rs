//! Which currency a text means: symbols found in it, and the site where the symbol is shared.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::symbols::SYMBOLS;

/// A way to write a currency: the text, its ISO 4217 code (empty for none), what kind of writing it is.
#[derive(Debug, PartialEq)]
pub(super) struct Symbol(pub(super) &'static str, pub(super) &'static str, pub(super) Kind);

/// Kinds of writing differ in what may stand beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Stands anywhere.
    Sign,
    /// A sign of several currencies.
    SharedSign,
    /// No letter beside it.
    Word,
    /// A word of several currencies.
    Shared,
    /// No letter before it.
    Stem,
    /// No letter beside it; alone in a text it may be a word of the language.
    Code,
    /// One letter: only directly beside a number.
    Letter,
}

/// A currency's place in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) symbol: &'static Symbol,
}

/// What is known about the site where a price stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Site {
    /// The host's last labels decide: `amazon.com.au`.
    pub(crate) host: String,
    /// The page's language tag: `en-CA`.
    pub(crate) language: String,
    /// A currency that the page names elsewhere.
    pub(crate) currency: Option<String>,
}

static BY_FIRST: LazyLock<HashMap<char, Vec<&'static Symbol>>> = LazyLock::new(|| {
    let mut by_first: HashMap<char, Vec<&'static Symbol>> = HashMap::new();
    for symbol in SYMBOLS {
        if let Some(first) = symbol.0.chars().next() {
            by_first.entry(first).or_default().push(symbol);
        }
        // Codes are also written small.
        if let (Kind::Code, Some(first)) = (symbol.2, symbol.0.chars().next()) {
            by_first.entry(first.to_ascii_lowercase()).or_default().push(symbol);
        }
    }
    by_first
});

/// All currencies in a text, longest reading first, none inside another.
pub(super) fn find_all(chars: &[char]) -> Vec<Found> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let longest = BY_FIRST
            .get(&chars[at])
            .into_iter()
            .flatten()
            .filter_map(|symbol| match_at(chars, at, symbol).map(|to| Found { from: at, to, symbol }))
            .max_by_key(|found| found.to);
        match longest {
            Some(found) => {
                at = found.to;
                all.push(found);
            }
            None => at += 1,
        }
    }
    all
}

fn match_at(chars: &[char], at: usize, symbol: &'static Symbol) -> Option<usize> {
    let mut to = at;
    let mut small = 0;
    for wanted in symbol.0.chars() {
        let c = *chars.get(to)?;
        let same = c == wanted || (wanted == ' ' && c.is_whitespace());
        if !same {
            if symbol.2 == Kind::Code && c == wanted.to_ascii_lowercase() {
                small += 1;
            } else {
                return None;
            }
        }
        to += 1;
    }
    let before = at.checked_sub(1).and_then(|at| chars.get(at)).copied();
    let after = chars.get(to).copied();
    let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let number = |c: Option<char>| c.is_some_and(char::is_numeric);
    // Beside a number with at most a space between.
    let near_number = number(before)
        || number(after)
        || (after.is_some_and(char::is_whitespace) && number(chars.get(to + 1).copied()))
        || (before.is_some_and(char::is_whitespace)
            && number(at.checked_sub(2).and_then(|at| chars.get(at)).copied()));
    let starts_with_letter = symbol.0.starts_with(char::is_alphabetic);
    let ends_with_letter = symbol.0.ends_with(char::is_alphabetic);
    let fits = match symbol.2 {
        Kind::Sign | Kind::SharedSign => {
            let touches = (starts_with_letter && letter(before)) || (ends_with_letter && letter(after));
            !(symbol.0.is_ascii() && touches)
        }
        Kind::Word | Kind::Shared => !(letter(before) || (ends_with_letter && letter(after))),
        Kind::Stem => !letter(before),
        Kind::Code => {
            !letter(before)
                && !(letter(after))
                && (small == 0 || (small == symbol.0.len() && (near_number || chars.len() <= 4)))
        }
        Kind::Letter => !letter(before) && !letter(after) && near_number,
    };
    fits.then_some(to)
}

impl Symbol {
    /// Several currencies are written so.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self.2, Kind::Shared | Kind::SharedSign | Kind::Letter)
    }

    /// A sign, not a word.
    pub(super) fn is_sign(&self) -> bool {
        matches!(self.2, Kind::Sign | Kind::SharedSign)
    }

    /// Alone in a text it says nothing.
    pub(super) fn needs_number(&self) -> bool {
        match self.2 {
            Kind::Letter => true,
            Kind::Code | Kind::Word | Kind::Shared => self.0.chars().count() <= 3,
            Kind::Sign | Kind::SharedSign | Kind::Stem => false,
        }
    }

    /// May be a word of a language.
    pub(super) fn is_word_like(&self) -> bool {
        self.2 == Kind::Letter
            || (self.2 == Kind::Code
                && matches!(
                    self.0,
                    "ALL"
                        | "TOP"
                        | "TRY"
                        | "CUP"
                        | "GEL"
                        | "PEN"
                        | "COP"
                        | "MOP"
                        | "MAD"
                        | "BOB"
                        | "BAM"
                        | "SOS"
                        | "RON"
                ))
    }
}

impl Found {
    /// As written.
    pub(super) fn text(&self, chars: &[char]) -> String {
        chars[self.from..self.to].iter().collect()
    }
}

/// Whether the text is an ISO 4217 code in capitals.
pub(crate) fn is_code(text: &str) -> bool {
    text.len() == 3
        && text.bytes().all(|c| c.is_ascii_uppercase())
        && SYMBOLS.iter().any(|symbol| symbol.1 == text)
}

/// The ISO code of a symbol. Where several currencies share it, a hint, the page and the site decide.
pub(super) fn code_of(symbol: &Symbol, hint: Option<&Symbol>, site: &Site) -> Option<String> {
    if symbol.1.is_empty() {
        return None;
    }
    if symbol.is_shared() {
        let family = family(symbol);
        let fits = |code: &str| family.contains(&code);
        if let Some(code) = hint.map(|hint| hint.1).filter(|code| fits(code)) {
            return Some(code.to_owned());
        }
        if let Some(code) = site.currency.as_deref().filter(|code| fits(code)) {
            return Some(code.to_owned());
        }
        if let Some(code) = site.home().filter(|code| fits(code)) {
            return Some(code.to_owned());
        }
    }
    Some(symbol.1.to_owned())
}

/// The currencies that share a symbol.
fn family(symbol: &Symbol) -> &'static [&'static str] {
    match symbol.0 {
        "¥" | "￥" => &["JPY", "CNY"],
        "₨" | "Rs" | "Rs." | "RS" | "rs." | "Rs:" => &["INR", "PKR", "LKR", "NPR", "MUR"],
        "P" => &["PHP", "BWP"],
        "L" => &["HNL", "ALL", "RON", "MDL"],
        "R" => &["ZAR"],
        _ if symbol.1 == "SEK" || symbol.1 == "DKK" || symbol.1 == "NOK" => &["SEK", "DKK", "NOK", "ISK"],
        "pesos" => &["MXN", "ARS", "CLP", "COP", "UYU", "PHP", "DOP"],
        _ => &[
            "USD", "CAD", "AUD", "NZD", "MXN", "ARS", "CLP", "COP", "SGD", "HKD", "TWD", "BRL", "UYU", "BOB",
            "DOP", "JMD", "TTD", "BBD", "BSD", "BZD", "FJD", "GYD", "KYD", "LRD", "NAD", "SRD", "XCD", "BMD",
            "BND", "SBD", "TOP", "WST", "MOP",
        ],
    }
}

impl Site {
    /// The currency of the site's country, by the end of its host or by its language.
    pub(crate) fn home(&self) -> Option<&'static str> {
        let country = self.host.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
        let region = self.language.split(['-', '_']).nth(1).unwrap_or("").to_ascii_lowercase();
        country_currency(&country).or_else(|| country_currency(&region))
    }
}

fn country_currency(country: &str) -> Option<&'static str> {
    Some(match country {
        "us" => "USD",
        "ca" => "CAD",
        "au" => "AUD",
        "nz" => "NZD",
        "mx" => "MXN",
        "ar" => "ARS",
        "cl" => "CLP",
        "co" => "COP",
        "uy" => "UYU",
        "do" => "DOP",
        "sg" => "SGD",
        "hk" => "HKD",
        "tw" => "TWD",
        "br" => "BRL",
        "cn" => "CNY",
        "jp" => "JPY",
        "kr" => "KRW",
        "in" => "INR",
        "pk" => "PKR",
        "lk" => "LKR",
        "np" => "NPR",
        "se" => "SEK",
        "dk" => "DKK",
        "no" => "NOK",
        "is" => "ISK",
        "uk" | "gb" => "GBP",
        "ch" | "li" => "CHF",
        "pl" => "PLN",
        "cz" => "CZK",
        "hu" => "HUF",
        "ro" => "RON",
        "ru" => "RUB",
        "ua" => "UAH",
        "tr" => "TRY",
        "ae" => "AED",
        "sa" => "SAR",
        "eg" => "EGP",
        "il" => "ILS",
        "za" => "ZAR",
        "th" => "THB",
        "vn" => "VND",
        "id" => "IDR",
        "my" => "MYR",
        "ph" => "PHP",
        "tn" => "TND",
        "ma" => "MAD",
        "pe" => "PEN",
        "de" | "fr" | "it" | "es" | "nl" | "be" | "at" | "ie" | "pt" | "fi" | "gr" | "sk" | "si" | "lt"
        | "lv" | "ee" | "lu" | "mt" | "cy" | "hr" | "eu" => "EUR",
        _ => return None,
    })
}
