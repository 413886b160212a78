//! The pages that the tests visit.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::Query,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use bytes::Bytes;
use tempfile::TempDir;
use tokio::net::TcpListener;
use ukai_browser::{Browser, Config, PageRequest};

const FILLED: &str = r#"<!doctype html><html><head><title>shop</title></head><body><p id=p>loading</p><script>
setTimeout(async () => {
  const r = await fetch('/price'); const t = await r.text();
  setTimeout(() => { document.getElementById('p').textContent = 'price ' + t; }, 150);
}, 200);
</script></body></html>"#;

const PLAIN: &str =
    "<!doctype html><html><head><title>plain</title></head><body><h1>hello</h1></body></html>";

/// Tries to read what stands elsewhere, and says what came of it.
const READS: &str = r#"<!doctype html><p id=p>asking</p><script>
fetch('/price').then(r => r.text()).then(own => fetch('TARGET', {mode: 'no-cors'})
  .then(() => { p.textContent = own + ' and reached' }, () => { p.textContent = own + ' and cut off' }));
</script>"#;

/// Tries every way out that a page has.
const TRIES: &str = r#"<!doctype html><p id=p>trying</p>
<link rel=preconnect href="http://TARGET/"><link rel=prefetch href="http://TARGET/prefetch">
<link rel=stylesheet href="http://TARGET/style"><img src="http://TARGET/picture"><iframe src="http://TARGET/frame"></iframe>
<object data="http://TARGET/object"></object><video src="http://TARGET/video" autoplay></video>
<script src="http://TARGET/script"></script>
<form id=f method=post action="http://TARGET/form" target=hidden></form><iframe name=hidden></iframe>
<script>
const ended = [];
const end = (name, how) => { ended.push(name + ' ' + how); p.textContent = ended.sort().join(', '); };
for (const mode of ['cors', 'no-cors'])
  fetch('http://TARGET/fetch', {mode}).then(() => end(mode, 'reached'), () => end(mode, 'cut'));
const socket = new WebSocket('ws://TARGET/socket');
socket.onopen = () => end('socket', 'reached'); socket.onerror = () => end('socket', 'cut');
const source = new EventSource('http://TARGET/source');
source.onopen = () => end('source', 'reached'); source.onerror = () => { source.close(); end('source', 'cut'); };
navigator.sendBeacon('http://TARGET/beacon', 'x');
const work = "try { importScripts('http://TARGET/import'); postMessage('reached') } catch { postMessage('cut') }";
const worker = new Worker(URL.createObjectURL(new Blob([work])));
worker.onmessage = event => end('worker', event.data);
try {
  const peer = new RTCPeerConnection({iceServers: [{urls: 'stun:TARGET'}]});
  peer.createDataChannel('x'); peer.createOffer().then(offer => peer.setLocalDescription(offer));
} catch {}
f.submit();
for (const url of ['file:///etc/passwd', 'chrome://version', 'ftp://TARGET/']) {
  const frame = document.createElement('iframe'); frame.src = url; document.body.append(frame); open(url);
}
</script>"#;

/// Says what the page knows of its visitor.
const VISITOR: &str = r#"<!doctype html><p id=p>asking</p><script>
(async () => {
  const asked = await Promise.all(['geolocation', 'notifications', 'camera', 'clipboard-read'].map(
    async name => { try { return (await navigator.permissions.query({name})).state } catch { return 'unknown' } }));
  p.textContent = JSON.stringify([Intl.DateTimeFormat().resolvedOptions().timeZone, navigator.language,
    new Date(0).toLocaleDateString(), innerWidth, innerHeight, navigator.userAgent, ...asked]);
})();
</script>"#;

#[derive(serde::Deserialize)]
struct Target {
    to: String,
}

pub struct Server {
    pub base: String,
    pub pictures: Arc<AtomicUsize>,
}

impl Server {
    pub async fn start() -> Self {
        let pictures = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&pictures);
        let page = |html: &'static str| get(async move || Html(html));
        let routes = Router::new()
            .route("/plain", page(PLAIN))
            .route("/filled", page(FILLED))
            .route(
                "/price",
                get(async || {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    "12.50"
                }),
            )
            .route("/moved", get(async || Redirect::temporary("/plain")))
            .route("/out", get(async |Query(to): Query<Target>| Redirect::temporary(&to.to)))
            .route("/reads", get(async |Query(to): Query<Target>| Html(READS.replace("TARGET", &to.to))))
            .route("/to-file", get(async || (StatusCode::FOUND, [(header::LOCATION, "file:///etc/passwd")])))
            .route("/by-script", page("<script>location.replace('/plain')</script>"))
            .route("/missing", get(async || (StatusCode::NOT_FOUND, Html("<p>not here</p>"))))
            .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
            .route("/cookie", get(cookie))
            .route(
                "/picture.png",
                get(async move || {
                    count.fetch_add(1, Ordering::Relaxed);
                    never().await
                }),
            )
            .route("/pictures", page("<!doctype html><p>text</p><img src=/picture.png width=50 height=50>"))
            .route(
                "/alerts",
                page(
                    "<p id=x>before</p><script>alert(1);confirm(2);prompt(3);x.textContent='after'</script>",
                ),
            )
            .route("/loops", page("<p>text</p><script>while(true){}</script>"))
            .route("/loops-later", page("<p>text</p><script>setTimeout(()=>{while(true){}},50)</script>"))
            .route(
                "/restless",
                page("<p id=x>0</p><script>let n=0;setInterval(()=>{x.textContent+=++n},20)</script>"),
            )
            .route("/gigabyte", get(gigabyte))
            .route(
                "/floods",
                page("<p>text</p><script>(async()=>{const r=(await fetch('/endless')).body.getReader();for(;;)await r.read()})()</script>"),
            )
            .route(
                "/hoards",
                page(
                    "<p>text</p><script>const all=[];setInterval(()=>{const a=new Uint8Array(40<<20);\
                     for(let i=0;i<a.length;i+=4096)a[i]=i;all.push(a);document.body.append('+')},20)</script>",
                ),
            )
            .route("/data", page("<!doctype html><p>text</p><script type='application/ld+json'>{}</script>"))
            .route(
                "/sheds",
                page(
                    "<!doctype html><p>text</p><script>document.currentScript.remove();\
                     setTimeout(()=>document.body.append('late'),900)</script>",
                ),
            )
            .route(
                "/handler",
                page("<!doctype html><body onload=\"setTimeout(()=>document.body.append('late'),900)\"><p>text</p>"),
            )
            .route(
                "/refreshes",
                page("<!doctype html><meta http-equiv=Refresh content='1;url=/plain'><p>text</p>"),
            )
            .route("/framed", page("<!doctype html><p>framed</p><iframe src=/plain></iframe>"))
            .route("/tries", get(async |Query(to): Query<Target>| Html(TRIES.replace("TARGET", &to.to))))
            .route("/visitor", page(VISITOR))
            .route("/settles", get(settles))
            .route("/silent", get(async || never().await))
            .route("/endless", get(endless))
            .route("/grows", page("<p>text</p><script>document.body.append('x'.repeat(300000))</script>"))
            .route(
                "/download",
                get(async || ([(header::CONTENT_DISPOSITION, "attachment; filename=a.bin")], "data")),
            )
            .route(
                "/parts",
                page(
                    "<!doctype html><body style='margin:0'><div style='height:5000px'></div>\
                     <div id=part style='width:200px;height:100px;background:green'></div><div id=empty></div>\
                     <div id=tall style='width:50px;height:9000px;background:blue'></div>",
                ),
            )
            .route(
                "/tall",
                page("<!doctype html><body style='margin:0;height:30000px;background:red'>tall</body>"),
            );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { base, pictures }
    }

    /// A request with bounds that suit a loopback server.
    pub fn request(&self, path: &str) -> PageRequest {
        PageRequest {
            timeout: Duration::from_secs(20),
            quiet: Duration::from_millis(400),
            settle: Duration::from_secs(4),
            ..PageRequest::new(format!("{}{path}", self.base).parse().unwrap())
        }
    }
}

async fn never() -> Response {
    tokio::time::sleep(Duration::from_secs(120)).await;
    StatusCode::NO_CONTENT.into_response()
}

async fn cookie(headers: axum::http::HeaderMap) -> impl IntoResponse {
    let sent = headers.get(header::COOKIE).map_or("none", |value| value.to_str().unwrap()).to_owned();
    ([(header::SET_COOKIE, "seen=yes; Path=/")], Html(format!("<p>cookie: {sent}</p>")))
}

/// Says which languages were asked for, and what the visitor kept from the last time.
async fn settles(headers: axum::http::HeaderMap) -> impl IntoResponse {
    let text = |name| headers.get(name).map_or("none", |value| value.to_str().unwrap()).to_owned();
    let page = Html(format!("<p>{}|{}</p>", text(header::ACCEPT_LANGUAGE), text(header::COOKIE)));
    ([(header::SET_COOKIE, "settled=yes; Path=/; Max-Age=100000")], page)
}

/// A document of one gigabyte, as it says itself.
async fn gigabyte() -> impl IntoResponse {
    let part = Bytes::from(vec![b'x'; 1 << 20]);
    let parts = futures::stream::iter((0..1024).map(move |_| Ok::<_, std::io::Error>(part.clone())));
    let length = (1_u64 << 30).to_string();
    (
        [(header::CONTENT_TYPE, "text/html".to_owned()), (header::CONTENT_LENGTH, length)],
        Body::from_stream(parts),
    )
}

/// A document that never ends.
async fn endless() -> impl IntoResponse {
    let lines =
        futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from("<p>more</p>\n".repeat(5_000))));
    ([(header::CONTENT_TYPE, "text/html")], Body::from_stream(lines))
}

/// A folder for profiles that the browser's account can reach.
pub fn profiles() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

pub fn config(profiles: &Path) -> Config {
    Config { allow_private_targets: true, profiles: Some(profiles.to_path_buf()), ..Config::default() }
}

/// A browser for one test, with its profiles' folder.
pub async fn browser() -> (Browser, TempDir) {
    let folder = profiles();
    let browser = Browser::launch(config(folder.path()))
        .await
        .expect("these tests need Chromium (apt: chromium-headless-shell)");
    (browser, folder)
}
