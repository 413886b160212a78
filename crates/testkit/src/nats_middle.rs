//! A middle between clients and a NATS server that repeats, delays, reorders and drops whole messages, as a bus may that
//! promises nothing. What isn't a message (subscriptions, pings) passes at once and in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What happens to messages.
#[derive(Debug, Clone, Copy)]
pub struct Chaos {
    /// Each is late by up to this, by itself: so they overtake each other.
    pub late: Duration,
    /// So many in a hundred are later than that: by up to `straggle`.
    pub straggler_percent: u8,
    /// See there.
    pub straggle: Duration,
    /// So many in a hundred are lost, each way.
    pub lost_percent: u8,
    /// What clients publish arrives twice.
    pub twice: bool,
    /// Chooses which, and how late.
    pub seed: u64,
}

/// Messages under way in one direction of one connection; more wait at their sender.
const UNDER_WAY: usize = 4_096;
/// The largest message that is believed.
const MAX_MESSAGE: usize = 64 << 20;

/// Listens on loopback and connects to one server; ends with its value.
#[derive(Debug)]
pub struct NatsMiddle {
    address: SocketAddr,
    counts: Arc<Counts>,
    stop: CancellationToken,
}

#[derive(Debug, Default)]
struct Counts {
    messages: AtomicU64,
    lost: AtomicU64,
}

impl NatsMiddle {
    /// A middle on a free port.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn to(server: SocketAddr, chaos: Chaos) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (counts, stop) = (Arc::<Counts>::default(), CancellationToken::new());
        tokio::spawn(accept(listener, server, chaos, Arc::clone(&counts), stop.clone()));
        Ok(Self { address, counts, stop })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Messages that came in, both ways.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.counts.messages.load(Ordering::Relaxed)
    }

    /// Those of them that were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.counts.lost.load(Ordering::Relaxed)
    }
}

impl Drop for NatsMiddle {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    chaos: Chaos,
    counts: Arc<Counts>,
    stop: CancellationToken,
) {
    for number in 0_u64.. {
        let client = tokio::select! {
            () = stop.cancelled() => return,
            client = listener.accept() => client,
        };
        let Ok((client, _)) = client else { continue };
        let (counts, stop) = (Arc::clone(&counts), stop.clone());
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(server).await else { return };
            // A socket that is gone already ends the directions.
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let seed = chaos.seed ^ number << 1;
            let up = direction(from_client, to_server, Dice::new(chaos, seed), &counts);
            let once = Chaos { twice: false, ..chaos };
            let down = direction(from_server, to_client, Dice::new(once, seed ^ 1), &counts);
            tokio::select! {
                _ = up => {}
                _ = down => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

struct Dice {
    chaos: Chaos,
    random: StdRng,
}

impl Dice {
    fn new(chaos: Chaos, seed: u64) -> Self {
        Self { chaos, random: StdRng::seed_from_u64(seed) }
    }

    /// How late each copy of a message arrives; none where it is lost.
    fn throw(&mut self) -> Vec<Duration> {
        if self.random.random_range(0..100) < self.chaos.lost_percent {
            return Vec::new();
        }
        let copies = if self.chaos.twice { 2 } else { 1 };
        (0..copies).map(|_| self.late().mul_f64(self.random.random::<f64>())).collect()
    }

    fn late(&mut self) -> Duration {
        if self.random.random_range(0..100) < self.chaos.straggler_percent {
            self.chaos.straggle
        } else {
            self.chaos.late
        }
    }
}

/// Carries one direction until either end closes.
async fn direction(
    from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut dice: Dice,
    counts: &Counts,
) -> std::io::Result<()> {
    let (sender, mut due) = mpsc::channel::<Arc<[u8]>>(UNDER_WAY);
    let reading = async move {
        let mut from = BufReader::new(from);
        while let Some((bytes, is_message)) = frame(&mut from).await? {
            let bytes: Arc<[u8]> = bytes.into();
            if !is_message {
                let _gone = sender.send(bytes).await;
                continue;
            }
            counts.messages.fetch_add(1, Ordering::Relaxed);
            let copies = dice.throw();
            counts.lost.fetch_add(u64::from(copies.is_empty()), Ordering::Relaxed);
            for late in copies {
                let (sender, bytes) = (sender.clone(), Arc::clone(&bytes));
                tokio::spawn(async move {
                    tokio::time::sleep(late).await;
                    let _gone = sender.send(bytes).await;
                });
            }
        }
        std::io::Result::Ok(())
    };
    let writing = async {
        while let Some(bytes) = due.recv().await {
            to.write_all(&bytes).await?;
        }
        std::io::Result::Ok(())
    };
    tokio::try_join!(reading, writing).map(|_| ())
}

/// One line of the protocol, with the payload that follows it, and whether it is a message. `None` at the end.
async fn frame(from: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Option<(Vec<u8>, bool)>> {
    let mut bytes = Vec::new();
    if from.read_until(b'\n', &mut bytes).await? == 0 {
        return Ok(None);
    }
    let line = String::from_utf8_lossy(&bytes).into_owned();
    let mut words = line.split_ascii_whitespace();
    let verb = words.next().unwrap_or_default().to_ascii_uppercase();
    let is_message = matches!(verb.as_str(), "PUB" | "HPUB" | "MSG" | "HMSG");
    if is_message {
        // The last word is the size of all that follows, headers included.
        let size = words.next_back().and_then(|size| size.parse::<usize>().ok());
        let size = size.filter(|size| *size <= MAX_MESSAGE).ok_or(std::io::ErrorKind::InvalidData)?;
        let begin = bytes.len();
        bytes.resize(begin + size + 2, 0);
        from.read_exact(&mut bytes[begin..]).await?;
    }
    Ok(Some((bytes, is_message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: Chaos = Chaos {
        late: Duration::ZERO,
        straggler_percent: 0,
        straggle: Duration::ZERO,
        lost_percent: 0,
        twice: false,
        seed: 1,
    };

    /// What a server behind a middle hears of what a client says.
    async fn heard(chaos: Chaos, said: &[u8], length: usize) -> (Vec<u8>, NatsMiddle) {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let middle = NatsMiddle::to(server.local_addr().unwrap(), chaos).await.unwrap();
        let mut client = TcpStream::connect(middle.address()).await.unwrap();
        let (mut accepted, _) = server.accept().await.unwrap();
        client.write_all(said).await.unwrap();
        let mut bytes = vec![0; length];
        let limit = Duration::from_secs(5);
        tokio::time::timeout(limit, accepted.read_exact(&mut bytes)).await.unwrap().unwrap();
        (bytes, middle)
    }

    #[tokio::test]
    async fn sound_it_passes_everything_in_order() {
        let said = b"CONNECT {}\r\nPUB a 3\r\nx\r\n\r\nHPUB b c 4 6\r\nHHHHpp\r\nPING\r\n";
        let (bytes, middle) = heard(SOUND, said, said.len()).await;
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("CONNECT {}\r\n"), "{text}");
        assert!(
            text.contains("PUB a 3\r\nx\r\n\r\n") && text.contains("HPUB b c 4 6\r\nHHHHpp\r\n"),
            "{text}"
        );
        assert_eq!((middle.messages(), middle.lost()), (2, 0));
    }

    #[tokio::test]
    async fn messages_come_twice_and_pings_once() {
        let said = b"PUB a 1\r\n1\r\nPING\r\n";
        let (bytes, _) = heard(Chaos { twice: true, ..SOUND }, said, said.len() + 12).await;
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            (text.matches("PUB a 1\r\n1\r\n").count(), text.matches("PING").count()),
            (2, 1),
            "{text}"
        );
    }

    #[tokio::test]
    async fn lost_messages_are_counted_and_late_ones_overtaken() {
        let said = b"PUB a 1\r\n1\r\nPING\r\n";
        let (bytes, middle) = heard(Chaos { lost_percent: 100, ..SOUND }, said, 6).await;
        assert_eq!((bytes.as_slice(), middle.lost()), (&b"PING\r\n"[..], 1));
        let many: String = (0..50).map(|n| format!("PUB a 2\r\n{n:02}\r\n")).collect();
        let late = Chaos { late: Duration::from_millis(100), ..SOUND };
        let (bytes, _) = heard(late, many.as_bytes(), many.len()).await;
        let text = String::from_utf8(bytes).unwrap();
        assert_ne!(text, many, "in order");
        assert!((0..50).all(|n| text.contains(&format!("\r\n{n:02}\r\n"))), "{text}");
    }

    #[test]
    fn some_are_later_than_the_others() {
        let (late, straggle) = (Duration::from_millis(10), Duration::from_secs(5));
        let mut dice = Dice::new(Chaos { late, straggler_percent: 10, straggle, ..SOUND }, 7);
        let thrown: Vec<Duration> = (0..1_000).flat_map(|_| dice.throw()).collect();
        let stragglers = thrown.iter().filter(|after| **after > late).count();
        assert!((50..150).contains(&stragglers), "{stragglers}");
        assert!(thrown.iter().max().is_some_and(|most| *most > straggle / 2 && *most <= straggle));
    }
}
