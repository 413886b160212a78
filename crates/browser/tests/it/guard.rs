//! The egress guard with a real Chromium in front of it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use ukai_browser::{Browser, Config, ErrorKind, Network, PageRequest, Screenshot, Upstream};

use crate::server::{Server, config, profiles};

/// Names as the test wants them; every public address leads to the test's own server.
#[derive(Debug)]
struct World {
    answers: Mutex<Vec<(&'static str, Vec<&'static str>)>>,
    server: SocketAddr,
}

const PUBLIC: &str = "93.184.216.34";

impl World {
    fn new(server: &Server) -> Arc<Self> {
        let server = server.base.strip_prefix("http://").unwrap().parse().unwrap();
        Arc::new(Self { answers: Mutex::default(), server })
    }
}

impl Network for World {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let mut answers = self.answers.lock().unwrap();
            let known = answers.iter_mut().find(|(known, _)| *known == name);
            let (_, ips) = known.ok_or(io::ErrorKind::NotFound)?;
            let ip = if ips.len() > 1 { ips.remove(0) } else { ips[0] };
            Ok(vec![ip.parse().unwrap()])
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        let real = if address.ip().is_loopback() { address } else { self.server };
        Box::pin(TcpStream::connect(real))
    }
}

fn host(server: &Server) -> String {
    server.base.strip_prefix("http://").unwrap().to_owned()
}

/// A browser that may reach `server` and nothing else on this machine.
async fn guarded(server: &Server) -> (Browser, tempfile::TempDir) {
    let folder = profiles();
    let config =
        Config { allow_private_targets: false, allowed_targets: vec![host(server)], ..config(folder.path()) };
    (Browser::launch(config).await.unwrap(), folder)
}

/// Counts who comes.
async fn trap() -> (SocketAddr, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let udp = UdpSocket::bind(address).await.unwrap();
    let (caught, also) = (Arc::clone(&count), Arc::clone(&count));
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            caught.fetch_add(1, Ordering::Relaxed);
        }
    });
    tokio::spawn(async move {
        let mut packet = [0; 2048];
        while udp.recv(&mut packet).await.is_ok() {
            also.fetch_add(1, Ordering::Relaxed);
        }
    });
    (address, count)
}

#[tokio::test]
async fn an_allowed_page_comes_and_leads_nowhere_else() {
    let server = Server::start().await;
    let (browser, _folder) = guarded(&server).await;
    let page = browser.fetch(&server.request("/filled")).await.unwrap();
    assert!(page.html.contains("price 12.50"), "{}", page.html);
    let (trap, caught) = trap().await;
    let request =
        PageRequest { quiet: Duration::from_millis(1_500), ..server.request(&format!("/tries?to={trap}")) };
    let page = browser.fetch(&request).await.unwrap();
    let said = page.html.split("<p id=\"p\">").nth(1).unwrap().split("</p>").next().unwrap();
    for way in ["cors", "no-cors", "socket", "source", "worker"] {
        assert!(said.contains(&format!("{way} cut")), "{way}: {said}");
    }
    assert!(!said.contains("reached"), "{said}");
    assert_eq!(caught.load(Ordering::Relaxed), 0, "something got through");
    // Without the guard the same page does get through, so the trap works.
    let (open, _profiles) = crate::server::browser().await;
    open.fetch(&request).await.unwrap();
    assert!(caught.load(Ordering::Relaxed) > 5);
}

#[tokio::test]
async fn redirects_end_with_the_rule_that_stopped_them() {
    let server = Server::start().await;
    let (trap, caught) = trap().await;
    let folder = profiles();
    let world = World::new(&server);
    *world.answers.lock().unwrap() = vec![
        ("public.test", vec![PUBLIC]),
        ("inside.test", vec!["192.168.7.7"]),
        ("tunnel.test", vec!["2002:7f00:1::"]),
        ("rebind.test", vec![PUBLIC, "127.0.0.1"]),
    ];
    let network = Some(Arc::clone(&world) as Arc<dyn Network>);
    let config = Config { allow_private_targets: false, network, ..config(folder.path()) };
    let browser = Browser::launch(config).await.unwrap();
    let visit = async |url: &str| {
        let request = PageRequest { url: url.parse().unwrap(), ..server.request("/") };
        browser.fetch(&request).await
    };
    let page = visit("http://public.test/plain").await.unwrap();
    assert!(page.html.contains("hello") && page.final_url == "http://public.test/plain", "{page:?}");
    for (to, rule) in [
        (format!("http://{trap}/"), "loopback"),
        (format!("https://{trap}/"), "loopback"),
        ("http://[::1]:8080/".to_owned(), "loopback"),
        ("http://2130706433:8080/".to_owned(), "loopback"),
        ("http://localhost:8080/".to_owned(), "localhost"),
        ("http://169.254.169.254/latest/".to_owned(), "cloud metadata"),
        ("http://inside.test/".to_owned(), "private"),
        ("https://inside.test/".to_owned(), "private"),
        ("http://tunnel.test/".to_owned(), "6to4"),
    ] {
        let error = visit(&format!("http://public.test/out?to={to}")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{to}: {error}");
        assert!(error.to_string().ends_with(&format!("(rule: {rule})")), "{to}: {error}");
    }
    // A name that answers differently the second time.
    assert!(visit("http://rebind.test/plain").await.unwrap().html.contains("hello"));
    let error = visit("http://rebind.test/plain").await.unwrap_err();
    assert!(
        error.to_string().contains("rebind.test resolves to 127.0.0.1, which is not a public address"),
        "{error}"
    );
    let error = visit("https://unknown.test/").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().contains("ERR_NAME_NOT_RESOLVED")),
        (ErrorKind::Network, true)
    );
    assert_eq!(caught.load(Ordering::Relaxed), 0, "something got through");
}

#[tokio::test]
async fn pages_come_through_another_proxy_too() {
    let server = Server::start().await;
    // Ours stands in for another's: a proxy like any.
    let behind = another_proxy(&server).await;
    let folder = profiles();
    let upstream = Upstream::parse(&format!("http://me:secret@{}", behind.address())).unwrap();
    let config = Config { upstream: Some(upstream), ..config(folder.path()) };
    let browser = Browser::launch(config).await.unwrap();
    let shot = Some(Screenshot::window());
    let page = browser.fetch(&PageRequest { screenshot: shot, ..server.request("/plain") }).await.unwrap();
    assert!(page.html.contains("hello") && page.screenshot.is_some());
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let request = PageRequest { url: format!("http://{nowhere}/").parse().unwrap(), ..server.request("/") };
    let error = browser.fetch(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
}

async fn another_proxy(server: &Server) -> ukai_egress::Proxy {
    let policy = ukai_egress::Policy::new(false, &[host(server)]).unwrap();
    ukai_egress::Proxy::start(ukai_egress::Settings::new(policy)).await.unwrap()
}
