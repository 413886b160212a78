//! Text put together from the pieces that tricks are made of: whatever passes the guard is public.

use std::net::IpAddr;

use proptest::prelude::*;
use ukai_egress::{Policy, Target, is_public};
use url::Url;

/// Pieces of hosts, with the dots, digits and brackets that parsers disagree about.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<u8>().prop_map(|n| n.to_string()),
        any::<u32>().prop_map(|n| n.to_string()),
        any::<u8>().prop_map(|n| format!("0x{n:x}")),
        any::<u8>().prop_map(|n| format!("0{n:o}")),
        any::<u16>().prop_map(|n| format!("{n:x}")),
        prop::sample::select(vec![
            ".",
            "..",
            "。",
            ":",
            "::",
            "[",
            "]",
            "@",
            "/",
            "\\",
            "#",
            "?",
            "%2e",
            "%00",
            "127",
            "10",
            "169.254",
            "localhost",
            "ffff",
            "64:ff9b",
            "2002",
            "①",
            "１２７",
            "\u{ad}",
            "\u{200d}",
            " ",
            "\t",
            "a",
            "xn--",
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_passes_is_public(scheme in "(http|https|HTTP|ftp|file)", pieces in prop::collection::vec(piece(), 1..10)) {
        let text = format!("{scheme}://{}/", pieces.concat());
        let Ok(url) = Url::parse(&text) else { return Ok(()) };
        if let Ok(target) = Policy::default().check_url(&url) {
            prop_assert!(matches!(url.scheme(), "http" | "https"));
            prop_assert!(target.address().is_none_or(is_public), "{text} is {target}");
            // What another parser takes for an address must not pass as a name.
            let name = target.host.to_string();
            prop_assert!(target.address().is_some() || name.parse::<IpAddr>().is_err(), "{text} is {target}");
            prop_assert_eq!(Target::parse(&target.to_string()), Ok(target), "canonical once and for all");
        }
    }

    #[test]
    fn any_authority_is_read_or_refused(text in any::<String>(), pieces in prop::collection::vec(piece(), 0..8)) {
        let _ = Target::parse(&text);
        if let Ok(target) = Target::parse(&pieces.concat()) {
            prop_assert_eq!(Target::parse(&target.to_string()), Ok(target));
        }
    }

    #[test]
    fn an_embedded_address_is_judged_like_itself(v4 in any::<u32>()) {
        let v4 = std::net::Ipv4Addr::from(v4);
        prop_assert_eq!(is_public(IpAddr::V6(v4.to_ipv6_mapped())), is_public(IpAddr::V4(v4)));
    }
}
