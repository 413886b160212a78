//! A TCP connection that can be closed from outside, whatever its writer is stuck in.
//!
//! The socket library waits for a full peer inside its flush and holds what a close needs. Shutting the connection
//! down under it ends that wait at once.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

/// The stream that the HTTP server reads and writes.
#[derive(Debug)]
pub(crate) struct Transport(Arc<Wire>);

#[derive(Debug)]
pub(crate) struct Wire {
    tcp: TcpStream,
    /// Counts the connection as open, upgraded or not.
    _permit: OwnedSemaphorePermit,
}

/// Closes a transport; put into each request's extensions by the accept loop.
#[derive(Clone, Debug)]
pub struct TransportHandle {
    wire: Weak<Wire>,
    refusals: Arc<AtomicU32>,
}

impl Transport {
    /// Wraps an accepted connection.
    pub(crate) fn new(tcp: TcpStream, permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Wire { tcp, _permit: permit }))
    }

    /// What closes it.
    pub(crate) fn handle(&self) -> TransportHandle {
        TransportHandle { wire: Arc::downgrade(&self.0), refusals: Arc::default() }
    }
}

impl TransportHandle {
    /// Ends reading and writing at once. Harmless when it is closed already.
    pub fn close(&self) {
        if let Some(wire) = self.wire.upgrade() {
            // Fails only where the peer was quicker.
            let _ = socket2::SockRef::from(&wire.tcp).shutdown(Shutdown::Both);
        }
    }

    /// Whether nobody uses it any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.wire.strong_count() == 0
    }

    /// Counts a refused connect on this transport and returns how many there were.
    pub fn refused(&self) -> u32 {
        self.refusals.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.tcp.poll_read_ready(cx))?;
            match self.0.tcp.try_read_buf(buf) {
                Ok(_) => return Poll::Ready(Ok(())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
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
