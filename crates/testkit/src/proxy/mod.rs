//! A TCP link that can be made bad: it stands between a client and a server and cuts, holds, swallows, delays or slows
//! what they say.

mod pipe;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What happens to bytes in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// They pass.
    #[default]
    None,
    /// They arrive that much later; the rate stays.
    Delay(Duration),
    /// They pass at that rate, in bytes a second.
    Slow(u32),
    /// They wait, and so does a close, until the fault ends: a half-open connection. Packets that are dropped on the
    /// way look like this to both ends.
    Hold,
    /// They are lost, and the connection lives on: what a broken middle box does.
    Swallow,
}

/// The faults of both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// From the client to the server.
    pub up: Fault,
    /// From the server to the client.
    pub down: Fault,
}

impl Faults {
    /// The same in both directions.
    #[must_use]
    pub fn both(fault: Fault) -> Self {
        Self { up: fault, down: fault }
    }
}

/// Listens on loopback and connects to one server; ends with its value.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    link: Arc<Link>,
    stop: CancellationToken,
}

/// What connections share.
#[derive(Debug)]
struct Link {
    faults: watch::Sender<Faults>,
    refuse: watch::Sender<bool>,
    /// Cancelled and renewed at each cut.
    present: Mutex<CancellationToken>,
    trap: Mutex<Option<Trap>>,
}

/// Words that a client says, after which it hears nothing more.
#[derive(Debug, Clone, Copy)]
struct Trap {
    words: &'static [u8],
    left: u32,
}

impl Link {
    fn present(&self) -> CancellationToken {
        self.present.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A client's words are about to be passed on.
    fn said(&self, chunk: &[u8]) {
        let mut set = self.trap.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(trap) = set.as_mut() else { return };
        let heard = chunk.windows(trap.words.len()).filter(|window| *window == trap.words).count();
        trap.left = trap.left.saturating_sub(u32::try_from(heard).unwrap_or(u32::MAX));
        if trap.left == 0 {
            *set = None;
            self.faults.send_modify(|faults| faults.down = Fault::Hold);
        }
    }
}

impl FaultProxy {
    /// A proxy on a free port that passes everything. The server needn't be there yet.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn to(server: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let link = Arc::new(Link {
            faults: watch::Sender::new(Faults::default()),
            refuse: watch::Sender::new(false),
            present: Mutex::default(),
            trap: Mutex::default(),
        });
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, server, Arc::clone(&link), stop.clone()));
        Ok(Self { address, link, stop })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, for the connections that are there and those that come.
    pub fn set(&self, faults: Faults) {
        self.link.faults.send_replace(faults);
    }

    /// From the moment on when a client has said `words` that many times, all that servers say is held; the words
    /// themselves arrive. They are found where they lie within one packet.
    pub fn hold_down_after(&self, words: &'static [u8], times: u32) {
        let mut set = self.link.trap.lock().unwrap_or_else(PoisonError::into_inner);
        *set = (times > 0 && !words.is_empty()).then_some(Trap { words, left: times });
    }

    /// What is set now.
    #[must_use]
    pub fn faults(&self) -> Faults {
        *self.link.faults.borrow()
    }

    /// Resets the connections that are there; new ones are served.
    pub fn cut(&self) {
        let mut present = self.link.present.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *present).cancel();
    }

    /// Whether new connections are reset as soon as they are made: a server that is away.
    pub fn refuse(&self, refuse: bool) {
        self.link.refuse.send_replace(refuse);
        if refuse {
            self.cut();
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.stop.cancel();
        self.cut();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, link: Arc<Link>, stop: CancellationToken) {
    loop {
        let client = tokio::select! {
            () = stop.cancelled() => return,
            client = listener.accept() => client,
        };
        let Ok((client, _)) = client else { continue };
        if *link.refuse.borrow() {
            reset(&client);
            continue;
        }
        tokio::spawn(connect(client, server, Arc::clone(&link)));
    }
}

async fn connect(mut client: TcpStream, server: SocketAddr, link: Arc<Link>) {
    let present = link.present();
    match TcpStream::connect(server).await {
        Ok(mut server) => pipe::both(&mut client, &mut server, &link, &present).await,
        Err(_away) => reset(&client),
    }
}

/// The peer gets a reset instead of an orderly end when the socket is dropped.
fn reset(stream: &TcpStream) {
    // A socket that is gone already needs none.
    let _ = stream.set_zero_linger();
}

#[cfg(test)]
mod tests;
