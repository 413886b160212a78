//! Counts, ratings, dates and durations in the writing of many pages.

use super::{count, day, duration, instant, rating, scaled};

#[test]
fn counts() {
    for (text, expected) in [
        ("2,820 ratings", 2820),
        ("14.397.946 visualizaciones", 14_397_946),
        ("14 397 946", 14_397_946),
        ("83.1k", 83_100),
        ("1,2 Mio. Aufrufe", 1_200_000),
        ("(896)", 896),
        ("like this video along with 245 other people", 245),
        ("3.2万", 32_000),
        ("1.234", 1234),
        ("12,5 тыс.", 12_500),
    ] {
        assert_eq!(count(text), Some(expected), "{text}");
    }
    assert_eq!(count("no number"), None);
}

#[test]
fn ratings() {
    for (text, expected) in [
        ("4.6 out of 5 stars", 4.6),
        ("4,3 de 5 estrellas", 4.3),
        ("5つ星のうち4.5", 4.5),
        ("Rated 4.75 out of 5 stars", 4.75),
        ("9.0/10", 4.5),
        ("92%", 4.6),
        ("4.8304", 4.8304),
    ] {
        assert_eq!(rating(text), Some(expected), "{text}");
    }
    assert_eq!((rating("17"), rating(""), scaled(0.0, 5.0)), (None, None, None));
}

#[test]
fn dates() {
    for (text, expected) in [
        ("2017-06-21T13:51:00Z", "2017-06-21T13:51:00Z"),
        ("2024-10-28 17:55", "2024-10-28T17:55:00"),
        ("2016-01-12T17:00:44+0000", "2016-01-12T17:00:44+00:00"),
        ("1375408770", "2013-08-02T01:59:30.000Z"),
        ("1466522845000", "2016-06-21T15:27:25.000Z"),
        ("Apr 29, 2011", "2011-04-29"),
        ("Published on Sep 27, 2016", "2016-09-27"),
        ("4 oct. 2008", "2008-10-04"),
        ("28. Oktober 2024", "2024-10-28"),
        ("27/05/2019 14h09", "2019-05-27T14:09:00"),
        ("2024年10月28日 17時55分", "2024-10-28T17:55:00"),
        ("Wed, 28 Jun 2017 19:01:34 GMT", "2017-06-28T19:01:34Z"),
    ] {
        assert_eq!(instant(text).as_deref(), Some(expected), "{text}");
    }
    assert_eq!(day("2016-09-27T07:00:00-07:00").as_deref(), Some("2016-09-27"));
    assert_eq!((instant("soon"), instant("99/99/9999"), instant("")), (None, None, None));
}

#[test]
fn durations() {
    assert_eq!(
        ["PT4M1S", "PT1H6M4S", "1:06:04", "4:01", "241"].map(duration),
        [Some(241), Some(3964), Some(3964), Some(241), Some(241)]
    );
    assert_eq!(duration("long"), None);
}
