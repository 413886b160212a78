//! The proxy over its sockets.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use ukai_egress::{Policy, Target, Trouble, Upstream};

use crate::world::{PUBLIC, World, send};

fn target(text: &str) -> Target {
    Target::parse(text).unwrap()
}

#[tokio::test]
async fn passes_plain_requests_on_in_their_own_form() {
    let world = World::start(Policy::default()).await;
    let request = "GET http://public.test:8080/a?b=c HTTP/1.1\r\nHost: evil.test\r\nUser-Agent: x\r\n\
                   Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic c2VjcmV0\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n";
    let answer = send(world.proxy.address(), request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (_, head) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{head}");
    let lower = head.to_ascii_lowercase();
    assert!(lower.contains("host: public.test:8080\r\n") && head.contains("User-Agent: x"), "{head}");
    assert!(!lower.contains("proxy-") && !lower.contains("x-hop") && !lower.contains("evil"), "{head}");
    assert_eq!(world.connected(), [format!("{PUBLIC}:8080").parse().unwrap()]);
}

#[tokio::test]
async fn a_tunnel_carries_both_ways() {
    let world = World::start(Policy::default()).await;
    let mut stream = TcpStream::connect(world.proxy.address()).await.unwrap();
    stream.write_all(b"CONNECT public.test:443 HTTP/1.1\r\nHost: public.test:443\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    stream.write_all(b"anything at all\r\n\r\n").await.unwrap();
    let mut echoed = String::new();
    stream.read_to_string(&mut echoed).await.unwrap();
    assert!(echoed.ends_with("anything at all\r\n\r\n"), "{echoed}");
}

#[tokio::test]
async fn a_refused_plain_request_gets_no_answer_at_all() {
    let world = World::start(Policy::default()).await;
    for host in ["127.0.0.1", "0x7f.1", "[::1]", "localhost", "private.test", "metadata.test", "mixed.test"] {
        let answer =
            send(world.proxy.address(), &format!("GET http://{host}/ HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(answer, "", "{host}");
    }
    assert!(world.connected().is_empty());
    assert!(matches!(world.proxy.trouble(&target("private.test:80")), Some(Trouble::Refused(_))));
}

#[tokio::test]
async fn what_is_neither_a_tunnel_nor_plain_http_is_a_bad_request() {
    let world = World::start(Policy::default()).await;
    for line in [
        "GET / HTTP/1.1",
        "GET https://public.test/ HTTP/1.1",
        "GET ftp://public.test/ HTTP/1.1",
        "GET file:///etc/passwd HTTP/1.1",
        "CONNECT public.test HTTP/1.1",
        "CONNECT user@public.test:443 HTTP/1.1",
        "CONNECT public.test:99999 HTTP/1.1",
        "nonsense",
    ] {
        let answer = send(world.proxy.address(), &format!("{line}\r\nHost: x\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{line}: {answer}");
    }
    assert!(world.connected().is_empty());
}

#[tokio::test]
async fn a_name_that_changes_its_answer_gains_nothing() {
    // Remembered: the second connection goes to the address that was judged, whatever the name says by now.
    let world = World::start(Policy::default()).await;
    world.answers("rebind.test", &[PUBLIC, "127.0.0.1"]);
    for _ in 0..2 {
        let answer = send(world.proxy.address(), "CONNECT rebind.test:443 HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // Asked again: the new answer is judged anew.
    let world = World::with(Policy::default(), None, Duration::ZERO).await;
    world.answers("rebind.test", &[PUBLIC, "127.0.0.1"]);
    let line = "CONNECT rebind.test:443 HTTP/1.1\r\nHost: x\r\n\r\n";
    assert!(send(world.proxy.address(), line).await.starts_with("HTTP/1.1 200"));
    assert!(send(world.proxy.address(), line).await.starts_with("HTTP/1.1 403"));
    let Some(Trouble::Refused(refusal)) = world.proxy.trouble(&target("rebind.test:443")) else { panic!() };
    assert_eq!(
        refusal.to_string(),
        "rebind.test resolves to 127.0.0.1, which is not a public address (rule: loopback)"
    );
    assert_eq!(world.connected(), [format!("{PUBLIC}:443").parse().unwrap()]);
}

#[tokio::test]
async fn failures_are_told_in_the_browsers_words() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let world = World::start(Policy::new(false, &[closed.to_string()]).unwrap()).await;
    for (to, why) in [
        (closed.to_string(), "net::ERR_CONNECTION_REFUSED"),
        ("unknown.test:443".to_owned(), "net::ERR_NAME_NOT_RESOLVED"),
    ] {
        let answer = send(world.proxy.address(), &format!("CONNECT {to} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
        assert_eq!(world.proxy.trouble(&target(&to)), Some(Trouble::Failed(why)));
    }
}

#[tokio::test]
async fn an_upstream_is_asked_for_the_judged_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://me:secret@{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        String::from_utf8(head).unwrap()
    });
    let upstream = Upstream::parse(&upstream).unwrap();
    let world = World::with(Policy::default(), Some(upstream), Duration::ZERO).await;
    let refused = send(world.proxy.address(), "CONNECT private.test:443 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    let answer = send(world.proxy.address(), "CONNECT public.test:443 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let head = asked.await.unwrap();
    assert!(head.starts_with(&format!("CONNECT {PUBLIC}:443 HTTP/1.1\r\n")), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"), "{head}");
}

#[tokio::test]
async fn ends_with_everything_that_flows_through_it() {
    let world = World::start(Policy::default()).await;
    let address = world.proxy.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"CONNECT public.test:443 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    drop(world);
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the tunnel is cut");
}
