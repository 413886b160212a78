//! Addresses for servers that are told where to listen, one caller an address, in all processes of the machine.
//!
//! A port that was only looked at may be taken before its server listens: by an outgoing connection, by another test that
//! looked at it too, or while its server is killed and not yet started again. So ports are below those that the system
//! gives to outgoing connections, and each process gives out those of blocks that it has locked until it ends.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::folder::of_this_user;

const PORTS: Range<u16> = 15_000..32_000;
/// More than a fleet needs.
const BLOCK: u16 = 50;

/// An address of loopback that nothing listens at, and that nobody else is given while this process lives.
///
/// # Errors
/// All are taken, or the locks can't be written.
pub fn free_address() -> io::Result<SocketAddr> {
    static OURS: Mutex<Blocks> = Mutex::new(Blocks(Vec::new()));
    let folder = of_this_user("ukai-ports")?;
    OURS.lock().unwrap_or_else(PoisonError::into_inner).next(&folder)
}

/// The blocks of one process; it gives out what is left of the last.
#[derive(Debug)]
struct Blocks(Vec<Block>);

#[derive(Debug)]
struct Block {
    left: Range<u16>,
    /// Held until the process ends.
    _lock: File,
}

impl Blocks {
    fn next(&mut self, folder: &Path) -> io::Result<SocketAddr> {
        loop {
            let left = self.0.last_mut().into_iter().flat_map(|block| block.left.by_ref());
            for port in left {
                if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                    return listener.local_addr();
                }
            }
            self.0.push(Block::take(folder)?);
        }
    }
}

impl Block {
    /// Any that nobody has: the one after it was perhaps left a moment ago, with connections that still end.
    fn take(folder: &Path) -> io::Result<Self> {
        let blocks = PORTS.end.abs_diff(PORTS.start) / BLOCK;
        let first = rand::random_range(0..blocks);
        for block in (first..blocks).chain(0..first) {
            let lock = File::create(folder.join(block.to_string()))?;
            if lock.try_lock().is_ok() {
                let start = PORTS.start + block * BLOCK;
                return Ok(Self { left: start..start + BLOCK, _lock: lock });
            }
        }
        Err(io::Error::from(io::ErrorKind::AddrInUse))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_callers_are_given_one_address() {
        let folder = tempfile::tempdir().unwrap();
        // Two processes, of which each needs more than a block.
        let mut both = [Blocks(Vec::new()), Blocks(Vec::new())];
        let given: Vec<_> = (0..3 * BLOCK)
            .flat_map(|_| both.each_mut().map(|process| process.next(folder.path()).unwrap()))
            .collect();
        assert_eq!(given.iter().collect::<HashSet<_>>().len(), given.len(), "{given:?}");
        assert!(given.iter().all(|address| PORTS.contains(&address.port())));
    }

    #[test]
    fn what_listens_is_passed_over_and_what_an_ended_process_had_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let mut one = Blocks(vec![Block::take(folder.path()).unwrap()]);
        let block = one.0[0].left.clone();
        let busy = TcpListener::bind((Ipv4Addr::LOCALHOST, block.start)).unwrap();
        assert_eq!(one.next(folder.path()).unwrap().port(), busy.local_addr().unwrap().port() + 1);
        let blocks = PORTS.end.abs_diff(PORTS.start) / BLOCK;
        let others: Vec<_> = (1..blocks).map(|_| Block::take(folder.path()).unwrap()).collect();
        assert!(others.iter().all(|other| other.left != block));
        assert_eq!(Block::take(folder.path()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(one);
        assert_eq!(Block::take(folder.path()).unwrap().left, block);
    }
}
