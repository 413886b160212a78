//! What the socket library reads and writes. Its own read buffer is held by every idle socket, so it is as small as a
//! heartbeat; the reads from the kernel go into a large one that all sockets of a thread share.

use bytes::{Buf, Bytes};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ukai_boot::http::Transport;

/// Bytes of one read.
const READ: usize = 16 << 10;

thread_local! {
    /// Empty between two reads.
    static SHARED: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

/// A small one, because the library's futures hold it several times over.
#[derive(Debug)]
pub(crate) struct Stream {
    wire: Wire,
    /// What was read and not yet asked for; a socket without a message under way has none.
    rest: Option<Box<Bytes>>,
}

#[derive(Debug)]
enum Wire {
    Own(Transport),
    /// A connection that another listener accepted.
    Foreign(Box<TokioIo<Upgraded>>),
}

impl Stream {
    /// Takes the connection out of what HTTP needed around it.
    pub(crate) fn new(upgraded: Upgraded) -> Self {
        match Transport::upgraded(upgraded) {
            Ok((transport, early)) => Self { wire: Wire::Own(transport), rest: boxed(early) },
            Err(upgraded) => Self { wire: Wire::Foreign(Box::new(TokioIo::new(upgraded))), rest: None },
        }
    }
}

fn boxed(bytes: Bytes) -> Option<Box<Bytes>> {
    (!bytes.is_empty()).then(|| Box::new(bytes))
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { wire, rest } = &mut *self;
        if let Some(bytes) = rest {
            let part = bytes.split_to(bytes.len().min(buf.remaining()));
            buf.put_slice(&part);
            if !bytes.has_remaining() {
                *rest = None;
            }
            return Poll::Ready(Ok(()));
        }
        if buf.remaining() >= READ {
            return Pin::new(wire).poll_read(cx, buf);
        }
        SHARED.with_borrow_mut(|shared| {
            let mut read = ReadBuf::new(shared);
            ready!(Pin::new(wire).poll_read(cx, &mut read))?;
            let (part, more) = read.filled().split_at(read.filled().len().min(buf.remaining()));
            buf.put_slice(part);
            *rest = boxed(Bytes::copy_from_slice(more));
            Poll::Ready(Ok(()))
        })
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.wire {
            Wire::Own(transport) => Pin::new(transport).poll_write(cx, buf),
            Wire::Foreign(foreign) => Pin::new(foreign).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Own(transport) => Pin::new(transport).poll_flush(cx),
            Wire::Foreign(foreign) => Pin::new(foreign).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Own(transport) => Pin::new(transport).poll_shutdown(cx),
            Wire::Foreign(foreign) => Pin::new(foreign).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Own(transport) => Pin::new(transport).poll_read(cx, buf),
            Self::Foreign(foreign) => Pin::new(foreign).poll_read(cx, buf),
        }
    }
}
