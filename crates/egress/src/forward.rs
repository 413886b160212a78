//! Plain `http` requests: passed on over a connection of our own, with the head rewritten as RFC 9110 asks of a proxy.

use http_body_util::{BodyExt, Empty, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response, Uri,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use url::Url;

use crate::{Target, Trouble, dial::Dialer};

pub(crate) type Reply = UnsyncBoxBody<Bytes, hyper::Error>;

/// One connection behind the browser's, kept for its next request to the same target.
#[derive(Debug, Default)]
pub(crate) struct Lane(Option<(Target, SendRequest<Incoming>)>);

/// A body of nothing.
pub(crate) fn nothing() -> Reply {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

impl Lane {
    /// Passes `request` on to `target`, which its URL names, and returns the answer.
    pub(crate) async fn forward(
        &mut self,
        dialer: &Dialer,
        (target, url): (&Target, &Url),
        mut request: Request<Incoming>,
    ) -> Result<Response<Reply>, Trouble> {
        rewrite(&mut request, url).ok_or(Trouble::Failed("net::ERR_INVALID_URL"))?;
        let kept = self.0.take().filter(|(of, sender)| of == target && !sender.is_closed());
        let mut request = request;
        if let Some((of, mut sender)) = kept
            && sender.ready().await.is_ok()
        {
            match sender.try_send_request(request).await {
                Ok(response) => {
                    self.0 = Some((of, sender));
                    return Ok(answer(response));
                }
                // It was closed while it rested: nothing was sent, so it is sent anew.
                Err(mut unsent) => match unsent.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(Trouble::Failed("net::ERR_EMPTY_RESPONSE")),
                },
            }
        }
        let stream = dialer.dial(target).await?;
        let connected = http1::Builder::new()
            .preserve_header_case(true)
            .max_buf_size(256 << 10)
            .handshake(TokioIo::new(stream))
            .await;
        let (mut sender, connection) =
            connected.map_err(|_| Trouble::Failed("net::ERR_CONNECTION_FAILED"))?;
        tokio::spawn(connection);
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| {
            Trouble::Failed(if error.is_parse() {
                "net::ERR_INVALID_HTTP_RESPONSE"
            } else {
                "net::ERR_EMPTY_RESPONSE"
            })
        })?;
        self.0 = Some((target.clone(), sender));
        Ok(answer(response))
    }
}

/// From the absolute form for a proxy to the origin form, without what is meant for the proxy alone.
fn rewrite(request: &mut Request<Incoming>, url: &Url) -> Option<()> {
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    *request.uri_mut() = path.parse::<Uri>().ok()?;
    let host = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str()?),
        None => url.host_str()?.to_owned(),
    };
    strip(request.headers_mut());
    request.headers_mut().insert(HOST, HeaderValue::from_str(&host).ok()?);
    Some(())
}

fn answer(mut response: Response<Incoming>) -> Response<Reply> {
    strip(response.headers_mut());
    response.map(BodyExt::boxed_unsync)
}

/// Removes what concerns one connection alone.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in ["connection", "proxy-connection", "keep-alive", "te", "upgrade", "proxy-authorization"] {
        headers.remove(name);
    }
}
