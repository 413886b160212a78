//! Prices as people write them.

use serde::{Deserialize, Serialize};

/// A price read from text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// The number.
    pub amount: Option<f64>,
    /// The symbol or code as written.
    pub currency: Option<String>,
    /// ISO 4217, where the writing or the hint decides it.
    pub currency_code: Option<String>,
}

/// Reads the first price of a text; `currency_hint` is text near it or a currency.
pub fn parse_price(text: &str, currency_hint: Option<&str>) -> Price {
    let _ = (text, currency_hint);
    Price::default()
}
