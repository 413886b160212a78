//! A table of tricks: what each is, and the rule that stops it. Names resolve as `world.rs` says.

use ukai_egress::{Policy, Target, Trouble};
use url::Url;

use crate::world::{World, send};

/// URL, rule. `parse` is a text that is no URL at all; `public` is not refused.
const TRICKS: &[(&str, &str)] = &[
    // Loopback in every notation of the URL standard.
    ("http://127.0.0.1/", "loopback"),
    ("http://127.0.0.1:8080/", "loopback"),
    ("http://127.1/", "loopback"),
    ("http://127.0.1/", "loopback"),
    ("http://127.255.255.254/", "loopback"),
    ("http://2130706433/", "loopback"),
    ("http://0x7f000001/", "loopback"),
    ("http://0X7F000001/", "loopback"),
    ("http://0x7f.0.0.1/", "loopback"),
    ("http://0x7f.1/", "loopback"),
    ("http://017700000001/", "loopback"),
    ("http://0177.0.0.1/", "loopback"),
    ("http://0177.0.0.01/", "loopback"),
    ("http://00000177.0x0.0.1/", "loopback"),
    ("http://127.0.0.1./", "loopback"),
    ("http://%31%32%37.0.0.1/", "loopback"),
    ("http://127%2e0%2e0%2e1/", "loopback"),
    ("http://①②⑦.⓪.⓪.①/", "loopback"),
    ("http://１２７.０.０.１/", "loopback"),
    ("http://127。0。0。1/", "loopback"),
    ("http://𝟏𝟐𝟕.𝟎.𝟎.𝟏/", "loopback"),
    ("http://127.0.0.1\u{ad}/", "loopback"),
    ("http:127.0.0.1", "loopback"),
    ("http:\\\\127.0.0.1\\", "loopback"),
    ("http:///127.0.0.1/", "loopback"),
    ("ht\ntp://127.0.0.1/", "loopback"),
    ("http://12\t7.0.0.1/", "loopback"),
    ("HTTP://127.0.0.1/", "loopback"),
    ("hTtPs://127.0.0.1/", "loopback"),
    // What stands before the host.
    ("http://example.com@127.0.0.1/", "loopback"),
    ("http://example.com:80@127.0.0.1:80/", "loopback"),
    ("http://8.8.8.8%23@127.0.0.1/", "loopback"),
    ("http://a:b@c:d@127.0.0.1/", "loopback"),
    ("http://8.8.8.8\\@127.0.0.1/", "public"),
    ("http://127.0.0.1\\@8.8.8.8/", "loopback"),
    ("http://127.0.0.1#@8.8.8.8/", "loopback"),
    ("http://127.0.0.1?@8.8.8.8/", "loopback"),
    ("http://127.0.0.1:80:80/", "parse"),
    ("http://127.0.0.1:99999/", "parse"),
    // IPv6, its own specials and embedded IPv4.
    ("http://[::1]/", "loopback"),
    ("http://[0:0:0:0:0:0:0:1]/", "loopback"),
    ("http://[0000::0001]:8080/", "loopback"),
    ("http://[::]/", "unspecified"),
    ("http://[::ffff:127.0.0.1]/", "loopback"),
    ("http://[::ffff:7f00:1]/", "loopback"),
    ("http://[0:0:0:0:0:ffff:127.0.0.1]/", "loopback"),
    ("http://[::ffff:10.0.0.1]/", "private"),
    ("http://[::ffff:169.254.169.254]/", "cloud metadata"),
    ("http://[::127.0.0.1]/", "IPv4-compatible"),
    ("http://[::ffff:0:127.0.0.1]/", "reserved"),
    ("http://[64:ff9b::127.0.0.1]/", "loopback"),
    ("http://[64:ff9b::a9fe:a9fe]/", "cloud metadata"),
    ("http://[64:ff9b:1::1]/", "local NAT64"),
    ("http://[2002:7f00:1::]/", "6to4"),
    ("http://[2002:a9fe:a9fe::]/", "6to4"),
    ("http://[2001:0:7f00:1::]/", "Teredo"),
    ("http://[2001:db8::1]/", "documentation"),
    ("http://[2001:2::1]/", "benchmarking"),
    ("http://[fc00::1]/", "unique local"),
    ("http://[fd00:ec2::254]/", "unique local"),
    ("http://[fe80::1]/", "link-local"),
    ("http://[fe80::1%25eth0]/", "parse"),
    ("http://[fec0::1]/", "site-local"),
    ("http://[ff02::1]/", "multicast"),
    ("http://[100::1]/", "discard"),
    ("http://[4000::1]/", "reserved"),
    // The rest of IPv4.
    ("http://0.0.0.0/", "unspecified"),
    ("http://0/", "unspecified"),
    ("http://0x0/", "unspecified"),
    ("http://0.1.2.3/", "unspecified"),
    ("http://10.0.0.1/", "private"),
    ("http://167772161/", "private"),
    ("http://012.1/", "private"),
    ("http://172.16.0.1/", "private"),
    ("http://172.31.255.255/", "private"),
    ("http://192.168.0.1/", "private"),
    ("http://0xc0a80001/", "private"),
    ("http://100.64.0.1/", "carrier-grade NAT"),
    ("http://169.254.169.254/latest/meta-data/", "cloud metadata"),
    ("http://2852039166/", "cloud metadata"),
    ("http://0xa9fea9fe/", "cloud metadata"),
    ("http://169.254.43518/", "cloud metadata"),
    ("http://0251.0376.0251.0376/", "cloud metadata"),
    ("http://168.63.129.16/", "cloud metadata"),
    ("http://169.254.1.1/", "link-local"),
    ("http://192.0.0.1/", "protocol assignments"),
    ("http://192.0.2.1/", "documentation"),
    ("http://198.18.0.1/", "benchmarking"),
    ("http://198.51.100.1/", "documentation"),
    ("http://203.0.113.1/", "documentation"),
    ("http://192.88.99.1/", "6to4 relay"),
    ("http://224.0.0.1/", "multicast"),
    ("http://240.0.0.1/", "reserved"),
    ("http://255.255.255.255/", "broadcast"),
    ("http://4294967295/", "broadcast"),
    ("http://4294967296/", "parse"),
    ("http://256.1.1.1/", "parse"),
    // Names.
    ("http://localhost/", "localhost"),
    ("http://LOCALHOST/", "localhost"),
    ("http://localhost./", "localhost"),
    ("http://localhost../", "host"),
    ("http://2130706433../", "host"),
    ("http://.127.0.0.1/", "parse"),
    ("http://.localhost/", "host"),
    ("http://a.b.localhost/", "localhost"),
    ("http://ｌｏｃａｌｈｏｓｔ/", "localhost"),
    ("http://ⓛocalhost/", "localhost"),
    ("http://loc%61lhost/", "localhost"),
    ("http://loopback.test/", "loopback"),
    ("http://loopback.test./", "loopback"),
    ("http://LoopBack.Test/", "loopback"),
    ("http://private.test/", "private"),
    ("http://metadata.test/", "cloud metadata"),
    ("http://mixed.test/", "private"),
    ("http://six.test/", "loopback"),
    ("http://mapped.test/", "private"),
    ("http://tunnelled.test/", "6to4"),
    ("http://unspecified.test/", "unspecified"),
    // Schemes.
    ("file:///etc/passwd", "scheme"),
    ("FILE:///etc/passwd", "scheme"),
    ("file://127.0.0.1/etc/passwd", "scheme"),
    ("ftp://example.com/", "scheme"),
    ("view-source:http://127.0.0.1/", "scheme"),
    ("view-source:file:///etc/passwd", "scheme"),
    ("chrome://version/", "scheme"),
    ("chrome-extension://x/", "scheme"),
    ("devtools://devtools/", "scheme"),
    ("about:blank", "scheme"),
    ("data:text/html,<h1>x", "scheme"),
    ("javascript:alert(1)", "scheme"),
    ("blob:http://127.0.0.1/x", "scheme"),
    ("filesystem:http://127.0.0.1/x", "scheme"),
    ("ws://127.0.0.1/", "scheme"),
    ("wss://example.com/", "scheme"),
    ("gopher://127.0.0.1:70/_x", "scheme"),
    ("dict://127.0.0.1:11211/", "scheme"),
    ("ldap://127.0.0.1/", "scheme"),
    ("jar:http://127.0.0.1!/", "scheme"),
    ("intent://127.0.0.1/", "scheme"),
    // Ports of other protocols, also on public addresses.
    ("http://8.8.8.8:22/", "port"),
    ("http://8.8.8.8:25/", "port"),
    ("http://8.8.8.8:6667/", "port"),
    ("https://8.8.8.8:0/", "port"),
    ("http://public.test:587/", "port"),
    // And what must pass.
    ("http://8.8.8.8/", "public"),
    ("https://8.8.8.8:8443/", "public"),
    ("http://134744072/", "public"),
    ("http://[2606:4700::1111]/", "public"),
    ("http://public.test/", "public"),
    ("https://public.test./", "public"),
    ("http://127.0.0.1.public.test/", "public"),
];

async fn rule(world: &World, policy: &Policy, text: &str) -> &'static str {
    let Ok(url) = Url::parse(text) else { return "parse" };
    let target = match policy.check_url(&url) {
        Ok(target) => target,
        Err(refusal) => return refusal.rule,
    };
    // What the text alone does not tell, the proxy finds when it resolves the name.
    let answer =
        send(world.proxy.address(), &format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")).await;
    match world.proxy.trouble(&target) {
        Some(Trouble::Refused(refusal)) => {
            assert!(answer.starts_with("HTTP/1.1 403"), "{text}: {answer}");
            refusal.rule
        }
        Some(Trouble::Failed(_)) | None => "public",
    }
}

#[tokio::test]
async fn every_trick_is_stopped_by_its_rule() {
    assert!(TRICKS.len() >= 80);
    let policy = Policy::default();
    let world = World::start(policy.clone()).await;
    for (text, expected) in TRICKS {
        assert_eq!(rule(&world, &policy, text).await, *expected, "{text}");
    }
    let connected = world.connected();
    assert!(connected.iter().all(|address| ukai_egress::is_public(address.ip())), "{connected:?}");
}

#[test]
fn a_refusal_names_what_and_why_but_no_credentials() {
    let policy = Policy::default();
    let url = Url::parse("http://user:secret@127.1/path?key=1").unwrap();
    let refusal = policy.check_url(&url).unwrap_err().to_string();
    assert_eq!(refusal, "127.0.0.1 is not a public address (rule: loopback)");
}

#[test]
fn an_owner_allows_single_targets_or_all() {
    let named = ["127.0.0.1:8080".to_owned(), "Shop.Internal.:80".to_owned(), "[::1]:9".to_owned()];
    let policy = Policy::new(false, &named).unwrap();
    let judge = |text: &str| policy.check_url(&Url::parse(text).unwrap()).is_ok();
    for text in ["http://127.0.0.1:8080/x", "http://0x7f.1:8080/", "https://127.1:8080/", "http://[::1]:9/"] {
        assert!(judge(text), "{text}");
    }
    for text in
        ["http://127.0.0.1/", "http://127.0.0.1:8081/", "http://127.0.0.2:8080/", "ftp://127.0.0.1:8080/"]
    {
        assert!(!judge(text), "{text}");
    }
    let shop = Target::parse("shop.internal:80").unwrap();
    assert!(policy.check_answer(&shop, "10.0.0.1".parse().unwrap()).is_ok());
    let other = Target::parse("shop.internal:81").unwrap();
    assert!(policy.check_answer(&other, "10.0.0.1".parse().unwrap()).is_err());
    let all = Policy::new(true, &[]).unwrap();
    assert!(all.check_url(&Url::parse("http://127.0.0.1/").unwrap()).is_ok());
    assert!(all.check_url(&Url::parse("file:///").unwrap()).is_err(), "the scheme is never waived");
    for wrong in ["127.0.0.1", "a b:1", "x:99999", "u@x:1", "x/y:1", ":80", ""] {
        assert!(Policy::new(false, &[wrong.to_owned()]).is_err(), "{wrong}");
    }
}
