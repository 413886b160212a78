//! A TCP connection that can be closed from outside, whatever its writer is stuck in.
//!
//! The socket library waits for a full peer inside its flush and holds what a close needs. Shutting the connection
//! down under it ends that wait at once.

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

/// The stream that the HTTP server reads and writes.
#[derive(Debug)]
pub struct Transport(Arc<Wire>);

#[derive(Debug)]
struct Wire {
    tcp: TcpStream,
    refusals: AtomicU32,
    /// Counts the connection as open, upgraded or not.
    _permit: OwnedSemaphorePermit,
}

/// Closes a transport; put into each request's extensions by the accept loop.
#[derive(Clone, Debug)]
pub struct TransportHandle(Weak<Wire>);

impl Transport {
    /// Wraps an accepted connection.
    pub(crate) fn new(tcp: TcpStream, permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Wire { tcp, refusals: AtomicU32::new(0), _permit: permit }))
    }

    /// The stream under an upgraded request, without what HTTP needed around it, and what was read of it already.
    ///
    /// # Errors
    /// The same back: another listener accepted it.
    pub fn upgraded(upgraded: Upgraded) -> Result<(Self, Bytes), Upgraded> {
        upgraded.downcast::<TokioIo<Self>>().map(|parts| (parts.io.into_inner(), parts.read_buf))
    }

    /// What closes it.
    pub(crate) fn handle(&self) -> TransportHandle {
        TransportHandle(Arc::downgrade(&self.0))
    }
}

impl TransportHandle {
    /// Ends reading and writing at once. Harmless when it is closed already.
    pub fn close(&self) {
        if let Some(wire) = self.0.upgrade() {
            // Fails only where the peer was quicker.
            let _ = socket2::SockRef::from(&wire.tcp).shutdown(Shutdown::Both);
        }
    }

    /// Whether nobody uses it any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }

    /// Counts a refused connect on this transport and returns how many there were.
    pub fn refused(&self) -> u32 {
        self.0.upgrade().map_or(1, |wire| wire.refusals.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let tcp = &self.0.tcp;
        loop {
            ready!(tcp.poll_read_ready(cx))?;
            let mut has_read = false;
            let result = tcp.try_io(Interest::READABLE, || {
                let room = buf.remaining();
                let read = tcp.try_read_buf(buf)?;
                has_read = true;
                // Less than there was room for: nothing is left, and the kernel will tell of more. Said here, it saves
                // each message a read that finds nothing.
                if cfg!(unix) && 0 < read && read < room {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(())
            });
            match result {
                _ if has_read => return Poll::Ready(Ok(())),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                _ => {}
            }
        }
    }
}

impl Transport {
    fn poll_try_write(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.tcp.poll_write_ready(cx))?;
            match write(&self.0.tcp) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_try_write(cx, |tcp| tcp.try_write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_try_write(cx, |tcp| tcp.try_write_vectored(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match socket2::SockRef::from(&self.0.tcp).shutdown(Shutdown::Write) {
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(())),
        }
    }
}
