//! The smallest pieces of payloads, each refusing what the contract does not mean.

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use uuid::Uuid;

/// Text without a copy where it has no escapes.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A UUID in its usual form with hyphens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id(pub(crate) Uuid);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        uuid(&text.0).map(Self).ok_or_else(|| D::Error::custom("no UUID"))
    }
}

/// The UUID that `text` is, in its usual form.
pub(crate) fn uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

/// A time as ISO 8601 has it.
#[derive(Debug)]
pub(crate) struct Time<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Time<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?.0;
        if is_time(&text) { Ok(Self(text)) } else { Err(D::Error::custom("no time")) }
    }
}

/// Date, or date and time with an optional fraction and offset: `2026-02-01T10:00:00.000Z`. Worker times are kept as
/// text and decide nothing, so the calendar is not checked beyond its ranges.
pub(crate) fn is_time(text: &str) -> bool {
    let number = |part: Option<&str>, digits: usize, range: std::ops::RangeInclusive<u32>| {
        part.is_some_and(|p| {
            p.len() == digits
                && p.bytes().all(|b| b.is_ascii_digit())
                && p.parse().is_ok_and(|n| range.contains(&n))
        })
    };
    if !text.is_ascii() || text.len() < 10 || text.len() > 40 {
        return false;
    }
    let (date, time) = text.split_at(10);
    let mut parts = date.split('-');
    if !(number(parts.next(), 4, 0..=9999)
        && number(parts.next(), 2, 1..=12)
        && number(parts.next(), 2, 1..=31))
    {
        return false;
    }
    if time.is_empty() {
        return true;
    }
    if !time.starts_with(['T', 't', ' ']) {
        return false;
    }
    let time = &time[1..];
    let end = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, offset) = time.split_at(end);
    let (clock, fraction) = clock.split_once(['.', ',']).map_or((clock, "0"), |(c, f)| (c, f));
    let mut parts = clock.split(':');
    let is_clock = number(parts.next(), 2, 0..=24)
        && number(parts.next(), 2, 0..=59)
        && parts.next().is_none_or(|s| number(Some(s), 2, 0..=60))
        && parts.next().is_none();
    let is_offset = match offset.as_bytes() {
        [] | [b'Z' | b'z'] => true,
        [b'+' | b'-', rest @ ..] => {
            matches!(rest.len(), 2 | 4 | 5) && rest.iter().all(|b| b.is_ascii_digit() || *b == b':')
        }
        _ => false,
    };
    is_clock && is_offset && !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit())
}

/// A number that counts or measures: never negative.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount(pub(crate) f64);

impl Amount {
    /// The largest whole number that every double up to it can tell apart.
    pub(crate) const MAX: f64 = 9_007_199_254_740_992.0;

    /// Without its fraction.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 2^53 by construction")]
    pub(crate) fn whole(self) -> u64 {
        self.0 as u64
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if (0.0..=Self::MAX).contains(&number) {
            Ok(Self(number))
        } else {
            Err(D::Error::custom("out of range"))
        }
    }
}

/// Any number, or `null`; unlike an `Option` the key must be there.
#[derive(Debug)]
pub(crate) struct NumberOrNull;

impl<'de> Deserialize<'de> for NumberOrNull {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl Visitor<'_> for Shape {
            type Value = NumberOrNull;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or null")
            }
            fn visit_unit<E: Error>(self) -> Result<NumberOrNull, E> {
                Ok(NumberOrNull)
            }
            fn visit_u64<E: Error>(self, _: u64) -> Result<NumberOrNull, E> {
                Ok(NumberOrNull)
            }
            fn visit_i64<E: Error>(self, _: i64) -> Result<NumberOrNull, E> {
                Ok(NumberOrNull)
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<NumberOrNull, E> {
                Ok(NumberOrNull)
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

/// Text, or `null`; unlike an `Option` the key must be there.
#[derive(Debug)]
pub(crate) struct TextOrNull;

impl<'de> Deserialize<'de> for TextOrNull {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl Visitor<'_> for Shape {
            type Value = TextOrNull;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or null")
            }
            fn visit_unit<E: Error>(self) -> Result<TextOrNull, E> {
                Ok(TextOrNull)
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<TextOrNull, E> {
                Ok(TextOrNull)
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

/// Text whose content does not matter here; nothing is copied.
#[derive(Debug)]
pub(crate) struct AnyText;

impl<'de> Deserialize<'de> for AnyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl Visitor<'_> for Shape {
            type Value = AnyText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<AnyText, E> {
                Ok(AnyText)
            }
        }
        deserializer.deserialize_str(Shape)
    }
}

/// An object read as the struct `T`. A derived struct alone would also take an array, by position.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Shape(PhantomData))
    }
}

/// A word of a closed list. A derived enum alone would also take `{"WORD":null}`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<T>(pub(crate) T);

/// What a [`Word`] can be.
pub(crate) trait Words: Sized {
    /// The value of the word, if it is one.
    fn from_word(word: &str) -> Option<Self>;
}

impl<'de, T: Words> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        T::from_word(&text.0).map(Self).ok_or_else(|| D::Error::custom("unknown word"))
    }
}

/// An object whose content does not matter here.
#[derive(Debug)]
pub(crate) struct AnyObject;

impl<'de> Deserialize<'de> for AnyObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = AnyObject;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyObject, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(AnyObject)
            }
        }
        deserializer.deserialize_map(Shape)
    }
}

#[cfg(test)]
mod tests {
    use super::is_time;

    #[test]
    fn times() {
        let good = [
            "2026-02-01T10:00:00.000Z",
            "2026-02-01T10:00:00+01:00",
            "2026-02-01T10:00:00.123456",
            "2026-02-01 10:00",
            "2026-02-01",
            "2026-02-01T10:00:00-0530",
        ];
        for text in good {
            assert!(is_time(text), "{text}");
        }
        let bad = [
            "",
            "now",
            "2026-13-01",
            "2026-02-32",
            "2026-2-1",
            "01.02.2026 10:00",
            "2026-02-01T",
            "2026-02-01T25:00",
            "2026-02-01T10",
            "2026-02-01T10:61",
            "2026-02-01T10:00:00.Z",
            "2026-02-01T10:00:00Zulu",
            "1770000000000",
            "2026-02-01T10:00:00+1",
            "２０２６-02-01",
        ];
        for text in bad {
            assert!(!is_time(text), "{text}");
        }
    }
}
