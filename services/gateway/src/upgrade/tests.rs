//! Which requests the gateway upgrades itself, and what it keeps of them.

use super::*;
use std::net::{IpAddr, Ipv4Addr};

const QUERY: &str = "EIO=4&transport=websocket&token=a%20b";

fn request(query: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::get(format!("/socket.io/?{query}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

const HEADERS: [(&str, &str); 5] = [
    ("host", "gateway.test"),
    ("connection", "keep-alive, Upgrade"),
    ("upgrade", "WebSocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

#[test]
fn only_what_begins_a_session_is_upgraded_here() {
    assert_eq!(key(&request(QUERY, &HEADERS)).unwrap(), "dGhlIHNhbXBsZSBub25jZQ==");
    let others = [
        "EIO=4&transport=polling",
        "EIO=3&transport=websocket",
        "transport=websocket",
        "EIO=4",
        "EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAHs",
        "EIO=4&transport=websocket&sid=",
    ];
    for query in others {
        assert!(key(&request(query, &HEADERS)).is_none(), "{query}");
    }
    for left_out in 1..HEADERS.len() {
        let mut headers = HEADERS.to_vec();
        let (name, _) = headers.remove(left_out);
        assert!(key(&request(QUERY, &headers)).is_none(), "without {name}");
    }
    let mut post = request(QUERY, &HEADERS);
    *post.method_mut() = Method::POST;
    assert!(key(&post).is_none());
}

#[test]
fn the_library_keeps_a_copy_of_the_address_and_nothing_else_of_the_request() {
    let request = request(QUERY, &HEADERS);
    let peer = Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), transport: None };
    let kept = kept(request.uri(), &peer).unwrap();
    assert_eq!(kept.uri(), request.uri());
    assert_ne!(kept.uri().query().unwrap().as_ptr(), request.uri().query().unwrap().as_ptr());
    assert!(kept.headers().is_empty());
    assert_eq!(kept.extensions().len(), 1);
    assert_eq!(kept.extensions().get::<Peer>().unwrap().address, peer.address);
}
