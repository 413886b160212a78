//! Query strings: each parameter at most once, unknown ones ignored, wrong ones collected.

use super::{Errors, FieldPath};
use crate::error::ApiError;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::str::FromStr;
use ukai_domain::Timestamp;

/// Items of a page where the request says nothing.
const DEFAULT_LIMIT: u32 = 20;
/// Items of a page at most.
pub(crate) const MAX_LIMIT: u32 = 100;
/// Rows that a page may lie behind; deeper reads take a cursor.
const MAX_OFFSET: u64 = 1_000_000;

/// The parameters of a request.
#[derive(Debug, Default)]
pub(crate) struct Query {
    values: BTreeMap<String, String>,
    errors: Errors,
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let mut query = Self::default();
        for (key, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            if query.values.contains_key(&*key) {
                query.wrong(&key, "is given more than once");
            } else {
                query.values.insert(key.into_owned(), value.into_owned());
            }
        }
        Ok(query)
    }
}

impl Query {
    pub(crate) fn take(&mut self, key: &str) -> Option<String> {
        self.values.remove(key)
    }

    pub(crate) fn wrong(&mut self, key: &str, message: impl Into<String>) {
        self.errors.add(FieldPath::Root.key(key), message);
    }

    /// Whatever `parse` makes of the parameter; an error where it makes nothing.
    pub(crate) fn parse<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Option<T>,
        message: &str,
    ) -> Option<T> {
        let text = self.take(key)?;
        let value = parse(&text);
        if value.is_none() {
            self.wrong(key, message);
        }
        value
    }

    pub(crate) fn number<T: FromStr>(
        &mut self,
        key: &str,
        valid: impl Fn(&T) -> bool,
        message: &str,
    ) -> Option<T> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        self.parse(key, |text| text.parse().ok().filter(|n| digits(text) && valid(n)), message)
    }

    pub(crate) fn flag(&mut self, key: &str) -> bool {
        self.parse(key, |text| text.parse().ok(), "must be true or false").unwrap_or(false)
    }

    /// RFC 3339, or a date for its first moment in UTC. An unescaped `+` of an offset arrives as a space.
    pub(crate) fn time(&mut self, key: &str) -> Option<Timestamp> {
        let parse = |text: &str| {
            let text = text.replace(' ', "+");
            Timestamp::parse_rfc3339(&text).or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")))
        };
        self.parse(key, parse, "must be an RFC 3339 time, like 2026-02-01T12:00:00Z, or a date")
    }

    /// `page` and `limit`.
    pub(crate) fn page(&mut self) -> PageQuery {
        let limit = self
            .number("limit", |n| (1..=MAX_LIMIT).contains(n), "must be an integer from 1 to 100")
            .unwrap_or(DEFAULT_LIMIT);
        let deepest = |n: &u32| *n >= 1 && u64::from(*n - 1) * u64::from(limit) <= MAX_OFFSET;
        let page = self
            .number(
                "page",
                deepest,
                "must be an integer from 1, at most 1,000,000 items deep: use cursor beyond",
            )
            .unwrap_or(1);
        PageQuery { page, limit }
    }

    /// The collected errors, once everything was taken.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        self.errors.finish()
    }
}

/// Which page of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageQuery {
    /// From 1.
    pub(crate) page: u32,
    /// 1–100.
    pub(crate) limit: u32,
}

impl PageQuery {
    pub(crate) fn offset(self) -> u64 {
        u64::from(self.page.saturating_sub(1)) * u64::from(self.limit)
    }
}
