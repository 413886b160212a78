//! What a `robots.txt` says to this robot, by RFC 9309: the groups of its own name, else those for all; of the rules
//! that match a path the longest one decides, and where two are as long the one that allows.

use std::time::Duration;

use url::Url;

/// The name that a `robots.txt` calls this robot by.
const NAME: &str = "ukai";

/// Bytes that are read; what lies behind says nothing.
pub(crate) const MOST_BYTES: usize = 500 << 10;

/// Rules that are kept.
const MOST_RULES: usize = 10_000;

/// A longer delay is a wish for no robots at all.
const MOST_DELAY: Duration = Duration::from_secs(600);

/// The rules of one site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Longest first; of the same length those first that allow.
    rules: Vec<Rule>,
    /// `Crawl-delay`: between two pages.
    pub(crate) delay: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    allows: bool,
    /// As it stands in the file, with its escapes in one form.
    pattern: String,
}

/// Groups for one name, of which there may be several.
#[derive(Default)]
struct Group {
    found: bool,
    rules: Vec<Rule>,
    delay: Option<Duration>,
}

impl Rules {
    /// Reads a file. There is none that can't be read: lines that say nothing are passed over.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_BYTES)]);
        let (mut own, mut all) = (Group::default(), Group::default());
        // Whom the current group speaks to, and whether its names are still being listed.
        let (mut to_us, mut to_all, mut naming) = (false, false, false);
        for line in text.trim_start_matches('\u{feff}').split(['\n', '\r']) {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            if matches!(key.as_str(), "user-agent" | "useragent") {
                if !naming {
                    (to_us, to_all, naming) = (false, false, true);
                }
                to_us |= is_name(value);
                to_all |= value == "*";
                own.found |= to_us;
                all.found |= to_all;
                continue;
            }
            let rule = match key.as_str() {
                "allow" => Some(true),
                "disallow" => Some(false),
                "crawl-delay" => None,
                // A sitemap belongs to no group and ends none.
                _ => continue,
            };
            naming = false;
            for group in
                [(to_us, &mut own), (to_all, &mut all)].into_iter().filter_map(|(to, g)| to.then_some(g))
            {
                match rule {
                    Some(allows) => group.add(allows, value),
                    None => group.delay = delay(value).or(group.delay),
                }
            }
        }
        let Group { mut rules, delay, .. } = if own.found { own } else { all };
        rules.sort_by(|a, b| b.pattern.len().cmp(&a.pattern.len()).then(b.allows.cmp(&a.allows)));
        Self { rules, delay }
    }

    /// Whether the page may be fetched; otherwise the rule that forbids it.
    pub(crate) fn judge(&self, url: &Url) -> Result<(), &str> {
        let path = one_form(&url[url::Position::BeforePath..url::Position::AfterQuery]);
        if path == "/robots.txt" {
            return Ok(());
        }
        match self.rules.iter().find(|rule| matches(&rule.pattern, &path)) {
            Some(rule) if !rule.allows => Err(&rule.pattern),
            Some(_) | None => Ok(()),
        }
    }
}

impl Group {
    /// A rule without a path says nothing.
    fn add(&mut self, allows: bool, path: &str) {
        if path.is_empty() || self.rules.len() >= MOST_RULES {
            return;
        }
        let slash = if path.starts_with(['/', '*']) { "" } else { "/" };
        self.rules.push(Rule { allows, pattern: one_form(&format!("{slash}{path}")) });
    }
}

/// `Ukai/1.0 (…)` is meant too.
fn is_name(value: &str) -> bool {
    let token = value.find(|c: char| !(c.is_ascii_alphabetic() || matches!(c, '-' | '_')));
    value[..token.unwrap_or(value.len())].eq_ignore_ascii_case(NAME)
}

fn delay(value: &str) -> Option<Duration> {
    let seconds = value.parse::<f64>().ok().filter(|s| s.is_finite() && *s > 0.0)?;
    Some(Duration::from_secs_f64(seconds.min(MOST_DELAY.as_secs_f64())))
}

/// `*` is anything, a `$` at the end is the end; without it what follows doesn't matter.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, whole) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        // Each at its first place, but what must be the end.
        if let Some(before) = last.replace(part) {
            let Some(at) = rest.find(before) else { return false };
            rest = &rest[at + before.len()..];
        }
    }
    match (last, whole) {
        (None, true) => rest.is_empty(),
        (None, false) => true,
        (Some(part), true) => rest.ends_with(part),
        (Some(part), false) => rest.contains(part),
    }
}

/// The same path in the same bytes: letters beyond ASCII escaped, escapes in upper case, no needless ones.
fn one_form(text: &str) -> String {
    let mut form = String::with_capacity(text.len());
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        let escaped = text.get(at + 1..at + 3).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match (byte, escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(value)) => {
                bytes.nth(1);
                if value.is_ascii_alphanumeric() || b"-._~".contains(&value) {
                    form.push(char::from(value));
                } else {
                    push_escape(&mut form, value);
                }
            }
            _ if byte.is_ascii() => form.push(char::from(byte)),
            _ => push_escape(&mut form, byte),
        }
    }
    form
}

fn push_escape(form: &mut String, byte: u8) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    form.extend(['%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use url::Url;

    use super::{MOST_BYTES, Rules};

    fn allows(robots: &str, path: &str) -> bool {
        let url = Url::parse("https://a.example").unwrap().join(path).unwrap();
        Rules::parse(robots.as_bytes()).judge(&url).is_ok()
    }

    #[test]
    fn the_longest_rule_decides() {
        for (rules, path, want) in [
            ("Disallow: /", "/", false),
            ("Disallow: /", "/robots.txt", true),
            ("Disallow:", "/x", true),
            ("Disallow: /shop", "/shopping", false),
            ("Disallow: /shop/", "/shop", true),
            ("Disallow: /a\nAllow: /a/b", "/a/b/c", true),
            ("Allow: /a/b\nDisallow: /a", "/a/c", false),
            ("Allow: /a\nDisallow: /a", "/a", true),
            ("Disallow: /*.pdf$", "/x/y.pdf", false),
            ("Disallow: /*.pdf$", "/x/y.pdf?z", true),
            ("Disallow: /*?sort=", "/list?sort=up", false),
            ("Disallow: *?*", "/list", true),
            ("Disallow: /a*c*e$", "/abcde", false),
            ("Disallow: /a*c*e$", "/abced", true),
            ("Disallow: /$", "/", false),
            ("Disallow: /$", "/x", true),
            ("Disallow: /%7euser", "/~user/x", false),
            ("Disallow: /ü", "/%C3%BC", false),
            ("Disallow: /a%2fb", "/a/b", true),
            ("Disallow: private", "/private", false),
        ] {
            assert_eq!(allows(&format!("User-agent: *\n{rules}\n"), path), want, "{rules} {path}");
        }
    }

    #[test]
    fn groups_speak_to_those_whom_they_name() {
        let robots = "User-agent: other\nDisallow: /\n\nUser-agent: *\nDisallow: /all\n\
                      user-agent : UKAI/1.0 # us\nUser-Agent: third\nDisallow: /own\n\nSitemap: https://x/\n\
                      User-agent: ukai\nDisallow: /more\nCrawl-delay: 2.5";
        for (path, want) in [("/all", true), ("/own", false), ("/more", false), ("/", true)] {
            assert_eq!(allows(robots, path), want, "{path}");
        }
        assert_eq!(Rules::parse(robots.as_bytes()).delay, Some(Duration::from_millis(2_500)));
        // A group of our own without a rule allows everything.
        assert!(allows("User-agent: *\nDisallow: /\nUser-agent: ukai\nDisallow:", "/x"));
        // Who is only called like us is somebody else.
        assert!(!allows("User-agent: ukaibot\nAllow: /\nUser-agent: *\nDisallow: /", "/x"));
        assert!(allows("Disallow: /\n", "/x"), "a rule of no group says nothing");
    }

    #[test]
    fn anything_can_be_read_in_little_time() {
        for text in ["", "\0\u{feff}", "<!doctype html><p>User-agent: *", "User-agent:\rDisallow: /\r"] {
            assert!(allows(text, "/x"), "{text:?}");
        }
        assert!(!allows("\u{feff}User-agent: *\rDisallow: /x\r", "/x"));
        let wide = format!("User-agent: *\n{}", "Disallow: /*a*a*a*a*a*a*a*a*a*b$\n".repeat(40_000));
        assert!(wide.len() > MOST_BYTES);
        let rules = Rules::parse(wide.as_bytes());
        let url = Url::parse(&format!("https://a.example/{}", "a".repeat(2_000))).unwrap();
        let begun = Instant::now();
        assert!(rules.judge(&url).is_ok());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}
