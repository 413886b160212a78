//! Dates, times and durations to ISO 8601, without a calendar library.

use std::sync::LazyLock;

use regex::Regex;

#[allow(clippy::expect_used, reason = "fixed expressions; the tests compile them")]
fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a fixed expression")
}

static ISO: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?",
    )
});
static CJK: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(\d{4})年\s*(\d{1,2})月\s*(\d{1,2})日(?:\s*(\d{1,2})[:時](\d{2}))?"));
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    fixed(r"(?i)(\p{L}{3,})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?:\D+(\d{1,2}):(\d{2}))?")
});
static DAY_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?i)(\d{1,2})(?:st|nd|rd|th|\.)?\s+(?:de\s+)?(\p{L}{3,})\.?,?\s+(?:de\s+)?(\d{4})(?:\D+(\d{1,2})[:h](\d{2})(?::(\d{2}))?)?",
    )
});
static DOTTED: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"\b(\d{1,2})[./](\d{1,2})[./](\d{4})(?:\D+(\d{1,2})[:h](\d{2}))?"));
static CLOCK: LazyLock<Regex> = LazyLock::new(|| fixed(r"^(?:(\d{1,3}):)?(\d{1,2}):(\d{2})$"));
static ISO_DURATION: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?i)^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?$"));

/// A date, with its time where there is one, in ISO 8601. Numbers count from 1970 in seconds or milliseconds.
pub(crate) fn instant(text: &str) -> Option<String> {
    let text: String = text.trim().chars().take(120).collect();
    if text.len() >= 9 && text.bytes().all(|c| c.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return Some(from_epoch(if text.len() > 11 { number } else { number.checked_mul(1_000)? }));
    }
    if let Some(groups) = ISO.captures(&text) {
        let part = |i: usize| groups.get(i).map(|m| m.as_str());
        let mut out = date(part(1)?.parse().ok()?, part(2)?.parse().ok()?, part(3)?.parse().ok()?)?;
        if let (Some(hour), Some(minute)) = (part(4), part(5)) {
            let zone = match part(8) {
                Some("UTC" | "GMT") => "Z".to_owned(),
                Some(zone) if zone.len() == 5 => format!("{}:{}", &zone[..3], &zone[3..]),
                Some(zone) => zone.to_owned(),
                None => String::new(),
            };
            out = format!(
                "{out}T{hour:0>2}:{minute}:{}{}{zone}",
                part(6).unwrap_or("00"),
                part(7).unwrap_or("")
            );
        }
        return Some(out);
    }
    let groups_of = |groups: &regex::Captures<'_>, y: usize, m: usize, d: usize| {
        let part = |i: usize| groups.get(i).map(|m| m.as_str().to_owned());
        let month = part(m)?;
        let month = month.parse().ok().or_else(|| month_of(&month))?;
        let day = date(part(y)?.parse().ok()?, month, part(d)?.parse().ok()?)?;
        Some(match (part(4), part(5)) {
            (Some(hour), Some(minute)) => {
                format!("{day}T{hour:0>2}:{minute}:{}", part(6).unwrap_or_else(|| "00".to_owned()))
            }
            _ => day,
        })
    };
    let named = NAMED.captures(&text).and_then(|g| groups_of(&g, 3, 1, 2));
    let cjk = || CJK.captures(&text).and_then(|g| groups_of(&g, 1, 2, 3));
    let day_first = || {
        let groups = DAY_FIRST.captures(&text)?;
        let stamp = groups_of(&groups, 3, 2, 1)?;
        // `Tue, 28 Jun 2017 19:01:34 GMT`.
        let zulu = stamp.contains('T') && (text.ends_with("GMT") || text.ends_with("+0000"));
        Some(if zulu { format!("{stamp}Z") } else { stamp })
    };
    let dotted =
        || DOTTED.captures(&text).and_then(|g| groups_of(&g, 3, 2, 1).or_else(|| groups_of(&g, 3, 1, 2)));
    named.or_else(cjk).or_else(day_first).or_else(dotted)
}

/// The day of a date.
pub(crate) fn day(text: &str) -> Option<String> {
    instant(text).map(|stamp| stamp.chars().take(10).collect())
}

/// Seconds of `PT4M1S`, `1:06:04`, `241`, `241 s`.
pub(crate) fn duration(text: &str) -> Option<u64> {
    let text = text.trim();
    let number = |m: Option<regex::Match<'_>>| m.map_or(Some(0), |m| m.as_str().parse::<u64>().ok());
    if let Some(groups) = ISO_DURATION.captures(text) {
        let parts = [groups.get(1), groups.get(2), groups.get(3), groups.get(4)].map(number);
        let [days, hours, minutes, seconds] = parts.map(|part| part.unwrap_or(0));
        return days
            .checked_mul(86_400)?
            .checked_add(hours.checked_mul(3_600)?)?
            .checked_add(minutes.checked_mul(60)?)?
            .checked_add(seconds);
    }
    if let Some(groups) = CLOCK.captures(text) {
        return Some(number(groups.get(1))? * 3_600 + number(groups.get(2))? * 60 + number(groups.get(3))?);
    }
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn date(year: u32, month: u32, day: u32) -> Option<String> {
    let fits = (1900..=2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    fits.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// Month by its name, in the languages of the pages that we read.
fn month_of(name: &str) -> Option<u32> {
    let name = name.to_lowercase();
    const STARTS: [&[&str]; 12] = [
        &["jan", "ene", "gen", "янв", "sty", "led", "oca", "ιαν"],
        &["feb", "fév", "fev", "фев", "lut", "úno", "şub"],
        &["mar", "mär", "mrz", "maa", "мар", "bře"],
        &["apr", "avr", "abr", "апр", "kwi", "dub", "nis"],
        &["may", "mai", "maj", "mag", "mei", "май", "мая", "kvě"],
        &["jun", "juin", "giu", "июн", "cze", "haz", "črv", "juni"],
        &["jul", "juil", "lug", "июл", "lip", "tem"],
        &["aug", "aoû", "aou", "ago", "авг", "sie", "srp", "ağu"],
        &["sep", "set", "сен", "wrz", "zář", "eyl"],
        &["oct", "okt", "out", "ott", "окт", "paź", "říj", "eki"],
        &["nov", "ноя", "lis", "kas"],
        &["dec", "dez", "déc", "dic", "дек", "gru", "pro", "ara"],
    ];
    let index = STARTS.iter().position(|starts| starts.iter().any(|start| name.starts_with(start)))?;
    u32::try_from(index + 1).ok()
}

/// Milliseconds since 1970 in UTC, by Howard Hinnant's civil-from-days arithmetic.
fn from_epoch(ms: i64) -> String {
    let (days, ms) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let (h, m, s, frac) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{frac:03}Z")
}
