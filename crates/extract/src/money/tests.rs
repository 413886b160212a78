//! Prices in the writing of many countries.

use super::currency::Site;
use super::{Price, parse_at, parse_price};

fn read(text: &str) -> (Option<f64>, String, String) {
    let Price { amount, currency, currency_code } = parse_price(text, None);
    (amount, currency.unwrap_or_default(), currency_code.unwrap_or_default())
}

#[test]
fn numbers_in_every_punctuation() {
    for (text, amount) in [
        ("1.234,56 €", 1234.56),
        ("₹1,29,999", 129_999.0),
        ("CHF 1'299.–", 1299.0),
        ("CHF 1’299.50", 1299.5),
        ("1 299,00 zł", 1299.0),
        ("1\u{202f}299,00\u{a0}€", 1299.0),
        ("$1,234", 1234.0),
        ("12.345.678 ₫", 12_345_678.0),
        ("0.999 €", 0.999),
        ("12,500 KWD", 12.5),
        ("1 189,000 TND", 1189.0),
        ("$ 8. 94", 8.94),
        ("1.899,- €", 1899.0),
        ("12€99", 12.99),
        ("$.75", 0.75),
        ("٣٬٥٠٠٫٢٥ ر.س", 3500.25),
        ("￥１，２８０", 1280.0),
        ("-15% 129,00 €", 129.0),
        ("2 x 14,99 €", 14.99),
        ("12 Monate ab 4,99 € im Monat", 4.99),
        ("$19.99 - $29.99", 19.99),
        ("1,99 € / 100 g", 1.99),
        ("R$ 1.500,00", 1500.0),
        ("Free!", 0.0),
    ] {
        assert_eq!(parse_price(text, None).amount, Some(amount), "{text}");
    }
}

#[test]
fn currencies_as_written_and_by_code() {
    for (text, currency, code) in [
        ("US$ 5", "US$", "USD"),
        ("NZD $5", "NZD", "NZD"),
        ("5 руб.", "руб.", "RUB"),
        ("5 рублей", "руб", "RUB"),
        ("140,00 pln", "pln", "PLN"),
        ("3,500円", "円", "JPY"),
        ("£94.50 GBP", "£", "GBP"),
        ("$5 CAD", "CAD", "CAD"),
        ("R 273.00", "R", "ZAR"),
        ("5 Kč", "Kč", "CZK"),
        ("Rs. 499", "Rs.", "INR"),
        ("S/ 49.90", "S/", "PEN"),
        ("AED 8000 (USD 2179)", "AED", "AED"),
    ] {
        let (_, as_written, iso) = read(text);
        assert_eq!((as_written.as_str(), iso.as_str()), (currency, code), "{text}");
    }
}

#[test]
fn what_is_no_price_has_none() {
    for text in ["", "Sheet Set", "25 %", "Type of Transfer *", "…"] {
        assert_eq!(read(text), (None, String::new(), String::new()), "{text}");
    }
}

#[test]
fn a_hint_fills_in_and_a_site_decides() {
    assert_eq!(parse_price("23,40", Some("DKK")).currency.as_deref(), Some("DKK"));
    assert_eq!(parse_price("$ 4.00", Some("CAD")).currency_code.as_deref(), Some("CAD"));
    let site = |host: &str| Site { host: host.to_owned(), ..Site::default() };
    assert_eq!(parse_at("$ 4.00", None, &site("shop.com.au")).currency_code.as_deref(), Some("AUD"));
    assert_eq!(parse_at("249 kr", None, &site("shop.no")).currency_code.as_deref(), Some("NOK"));
    assert_eq!(parse_at("¥ 600", None, &site("shop.cn")).currency_code.as_deref(), Some("CNY"));
    assert_eq!(parse_at("4 €", None, &site("shop.com.au")).currency_code.as_deref(), Some("EUR"));
}
