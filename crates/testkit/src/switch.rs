//! An address that leads to another server from one moment on; connections that are there stay where they are.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Listens on loopback; ends with its value.
#[derive(Debug)]
pub struct Switch {
    address: SocketAddr,
    target: watch::Sender<SocketAddr>,
    stop: CancellationToken,
}

impl Switch {
    /// A free port that leads to `server`.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn to(server: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (target, stop) = (watch::Sender::new(server), CancellationToken::new());
        tokio::spawn(accept(listener, target.subscribe(), stop.clone()));
        Ok(Self { address, target, stop })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections lead there.
    pub fn turn(&self, server: SocketAddr) {
        self.target.send_replace(server);
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, target: watch::Receiver<SocketAddr>, stop: CancellationToken) {
    loop {
        let client = tokio::select! {
            () = stop.cancelled() => return,
            client = listener.accept() => client,
        };
        let Ok((mut client, _)) = client else { continue };
        let (server, stop) = (*target.borrow(), stop.clone());
        tokio::spawn(async move {
            let Ok(mut server) = TcpStream::connect(server).await else { return };
            // A socket that is gone already ends the copy.
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            tokio::select! {
                () = stop.cancelled() => {}
                _ended = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn old_connections_stay_and_new_ones_lead_elsewhere() {
        let servers = [
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        ];
        let switch = Switch::to(servers[0].local_addr().unwrap()).await.unwrap();
        let mut before = TcpStream::connect(switch.address()).await.unwrap();
        let (mut first, _) = servers[0].accept().await.unwrap();
        switch.turn(servers[1].local_addr().unwrap());
        let mut after = TcpStream::connect(switch.address()).await.unwrap();
        let (mut second, _) = servers[1].accept().await.unwrap();
        before.write_all(b"a").await.unwrap();
        after.write_all(b"b").await.unwrap();
        assert_eq!((first.read_u8().await.unwrap(), second.read_u8().await.unwrap()), (b'a', b'b'));
    }
}
