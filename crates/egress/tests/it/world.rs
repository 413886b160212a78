//! A world in which names resolve as the test wants and no connection leaves the machine.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use ukai_egress::{Network, Policy, Proxy, Settings, Upstream};

/// A public address that every test may «reach»: the connection goes to the test's own server.
pub const PUBLIC: &str = "93.184.216.34";

#[derive(Debug)]
pub struct Fake {
    names: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    connected: Mutex<Vec<SocketAddr>>,
    server: SocketAddr,
}

impl Network for Fake {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let mut names = self.names.lock().unwrap();
            let answers = names.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
            // The last answer stays.
            Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        self.connected.lock().unwrap().push(address);
        let real = if address.ip().is_loopback() { address } else { self.server };
        Box::pin(TcpStream::connect(real))
    }
}

pub struct World {
    pub proxy: Proxy,
    pub network: Arc<Fake>,
}

impl World {
    pub async fn start(policy: Policy) -> Self {
        Self::with(policy, None, Duration::from_secs(30)).await
    }

    pub async fn with(policy: Policy, upstream: Option<Upstream>, remember: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        tokio::spawn(echo(listener));
        let names = [
            ("loopback.test", "127.0.0.1"),
            ("private.test", "10.0.0.1"),
            ("metadata.test", "169.254.169.254"),
            ("mixed.test", "93.184.216.34 192.168.0.1"),
            ("six.test", "::1"),
            ("mapped.test", "::ffff:10.0.0.1"),
            ("tunnelled.test", "2002:7f00:1::"),
            ("unspecified.test", "0.0.0.0"),
            ("public.test", PUBLIC),
            ("127.0.0.1.public.test", PUBLIC),
        ];
        let names = names.map(|(name, ips)| (name.to_owned(), vec![addresses(ips)])).into();
        let network = Arc::new(Fake { names: Mutex::new(names), connected: Mutex::default(), server });
        let settings = Settings {
            network: Arc::clone(&network) as Arc<dyn Network>,
            upstream,
            remember,
            ..Settings::new(policy)
        };
        Self { proxy: Proxy::start(settings).await.unwrap(), network }
    }

    /// The answers of a name, one after the other.
    pub fn answers(&self, name: &str, answers: &[&str]) {
        let answers = answers.iter().map(|ips| addresses(ips)).collect();
        self.network.names.lock().unwrap().insert(name.to_owned(), answers);
    }

    /// Every address that was connected to.
    pub fn connected(&self) -> Vec<SocketAddr> {
        self.network.connected.lock().unwrap().clone()
    }
}

fn addresses(text: &str) -> Vec<IpAddr> {
    text.split(' ').map(|ip| ip.parse().unwrap()).collect()
}

/// Answers every request with its own head, and closes.
async fn echo(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { return };
                head.push(byte);
            }
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", head.len());
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.write_all(&head).await;
        });
    }
}

/// Sends text and returns what comes until the end or until nothing has come for a moment.
pub async fn send(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        let whole = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = whole.split_once("\r\n\r\n") {
            let length = head
                .to_ascii_lowercase()
                .split("content-length: ")
                .nth(1)
                .map(|rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
            if body.len() >= length.unwrap_or(0) {
                break;
            }
        }
        match tokio::time::timeout(Duration::from_secs(10), stream.read(&mut part)).await.unwrap() {
            Ok(0) | Err(_) => break,
            Ok(length) => answer.extend_from_slice(&part[..length]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}
