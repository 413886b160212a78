//! A server whose certificate nobody vouches for. Its key is made for this test and guards nothing.

use std::{io::Write, net::TcpListener, sync::Arc, thread};

use rustls::{
    ServerConfig, ServerConnection, Stream,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use ukai_browser::{Browser, Config, ErrorKind, PageRequest};

use crate::server::{Server, config, profiles};

const CERTIFICATE: &[u8] = include_bytes!("../data/self-signed.crt.der");
const KEY: &[u8] = include_bytes!("../data/self-signed.key.der");

/// Serves a page over TLS for as long as the test runs.
fn self_signed() -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from(CERTIFICATE)];
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(KEY).into())
        .unwrap();
    let server = Arc::new(server);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let mut tls = ServerConnection::new(Arc::clone(&server)).unwrap();
            let page = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\n<p>secret</p>";
            let _ = Stream::new(&mut tls, &mut socket).write_all(page);
        }
    });
    address
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_a_failure() {
    let pages = Server::start().await;
    let address = self_signed();
    for allow_private_targets in [true, false] {
        let folder = profiles();
        let allowed_targets = vec![address.clone()];
        let config = Config { allow_private_targets, allowed_targets, ..config(folder.path()) };
        let browser = Browser::launch(config).await.unwrap();
        let request =
            PageRequest { url: format!("https://{address}/").parse().unwrap(), ..pages.request("/") };
        let error = browser.fetch(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{error}");
        assert!(error.to_string().contains("net::ERR_CERT_AUTHORITY_INVALID"), "{error}");
    }
}
