//! One connection's two directions, each with the fault that is set for it now.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Fault, Faults, Link};

/// Bytes that are read at once.
const CHUNK: usize = 16 << 10;
/// Chunks under way in one direction; more wait at the sender, as in a network's buffers.
const UNDER_WAY: usize = 64;
/// A slow link writes that often.
const PIECE: Duration = Duration::from_millis(20);

/// Until both sides have closed, one has failed, or the connection is cut.
pub(super) async fn both(
    client: &mut TcpStream,
    server: &mut TcpStream,
    link: &Link,
    cut: &CancellationToken,
) {
    // Small messages must not wait for each other; a socket that is gone already ends the pipes.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let is_cut = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let pipes = async {
            // One side that fails ends the other: the server hears of a client that was reset.
            let ended = tokio::try_join!(
                pipe(
                    from_client,
                    to_server,
                    link.faults.subscribe(),
                    |faults| faults.up,
                    |chunk| link.said(chunk)
                ),
                pipe(from_server, to_client, link.faults.subscribe(), |faults| faults.down, |_| ()),
            );
            if ended.is_err() {
                // A reset waits as an orderly end does.
                let passes = |faults: &Faults| faults.up != Fault::Hold && faults.down != Fault::Hold;
                let _ = link.faults.subscribe().wait_for(passes).await;
            }
            ended
        };
        tokio::select! {
            ended = pipes => ended.is_err(),
            () = cut.cancelled() => true,
        }
    };
    if is_cut {
        super::reset(client);
        super::reset(server);
    }
}

/// Carries one direction; its end is passed on as an end.
async fn pipe(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut faults: watch::Receiver<Faults>,
    side: fn(&Faults) -> Fault,
    passes: impl Fn(&[u8]),
) -> std::io::Result<()> {
    let (sender, mut chunks) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY);
    let reading = async move {
        let mut buffer = vec![0; CHUNK];
        loop {
            let length = from.read(&mut buffer).await?;
            if length == 0 || sender.send((Instant::now(), buffer[..length].to_vec())).await.is_err() {
                return std::io::Result::Ok(());
            }
        }
    };
    let writing = async {
        while let Some((at, chunk)) = chunks.recv().await {
            held(&mut faults, side).await;
            passes(&chunk);
            write(&mut to, at, &chunk, &mut faults, side).await?;
        }
        held(&mut faults, side).await;
        to.shutdown().await
    };
    tokio::try_join!(reading, writing).map(|_| ())
}

async fn write(
    to: &mut WriteHalf<'_>,
    read: Instant,
    chunk: &[u8],
    faults: &mut watch::Receiver<Faults>,
    side: fn(&Faults) -> Fault,
) -> std::io::Result<()> {
    let mut rest = chunk;
    while !rest.is_empty() {
        match held(faults, side).await {
            Fault::None | Fault::Hold => {
                to.write_all(rest).await?;
                return Ok(());
            }
            Fault::Swallow => return Ok(()),
            Fault::Delay(delay) => {
                // A change of mind shortens a wait, but order stays: it is one writer.
                let _ = tokio::time::timeout_at(read + delay, faults.changed()).await;
                if Instant::now() >= read + delay {
                    to.write_all(rest).await?;
                    return Ok(());
                }
            }
            Fault::Slow(rate) => {
                let piece = (u128::from(rate) * PIECE.as_millis()).div_ceil(1_000);
                let (now, later) =
                    rest.split_at(usize::try_from(piece).unwrap_or(CHUNK).clamp(1, rest.len()));
                to.write_all(now).await?;
                rest = later;
                tokio::time::sleep(PIECE).await;
            }
        }
    }
    Ok(())
}

/// Waits while nothing may pass; then what holds.
async fn held(faults: &mut watch::Receiver<Faults>, side: fn(&Faults) -> Fault) -> Fault {
    let passing = faults.wait_for(|faults| side(faults) != Fault::Hold).await.map(|faults| side(&faults));
    match passing {
        Ok(fault) => fault,
        // The proxy is gone, and the connection with it.
        Err(_gone) => std::future::pending().await,
    }
}
