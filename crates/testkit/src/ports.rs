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
/// Ports of a block: more than a fleet needs.
const BLOCK: u16 = 50;

/// An address of loopback that nothing listens at, and that nobody else is given while this process lives.
///
/// # Errors
/// All are taken, or the locks can't be written.
pub fn free_address() -> io::Result<SocketAddr> {
    static OURS: Mutex<Blocks> = Mutex::new(Blocks::of(PORTS));
    let folder = of_this_user("ukai-ports")?;
    OURS.lock().unwrap_or_else(PoisonError::into_inner).next(&folder)
}

/// The blocks that one process has locked.
#[derive(Debug)]
struct Blocks {
    ports: Range<u16>,
    /// What is left of the last block.
    left: Range<u16>,
    /// Held until the process ends.
    locks: Vec<File>,
}

impl Blocks {
    const fn of(ports: Range<u16>) -> Self {
        Self { ports, left: 0..0, locks: Vec::new() }
    }

    fn next(&mut self, folder: &Path) -> io::Result<SocketAddr> {
        loop {
            for port in self.left.by_ref() {
                if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                    return listener.local_addr();
                }
            }
            self.take(folder)?;
        }
    }

    /// Takes any block that nobody has, from a random one on: not again and again the one that was just given back.
    fn take(&mut self, folder: &Path) -> io::Result<()> {
        let count = (self.ports.end - self.ports.start) / BLOCK;
        let first = rand::random_range(0..count);
        for block in (first..count).chain(0..first) {
            let start = self.ports.start + block * BLOCK;
            let lock = File::create(folder.join(start.to_string()))?;
            if lock.try_lock().is_ok() {
                self.left = start..start + BLOCK;
                self.locks.push(lock);
                return Ok(());
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
        // Not those of tests that run meanwhile.
        let ports = 12_000..13_000;
        let folder = tempfile::tempdir().unwrap();
        // Two processes, of which each needs more than a block.
        let mut both = [Blocks::of(ports.clone()), Blocks::of(ports.clone())];
        let given: Vec<_> = (0..3 * BLOCK)
            .flat_map(|_| both.each_mut().map(|process| process.next(folder.path()).unwrap().port()))
            .collect();
        assert_eq!(given.iter().collect::<HashSet<_>>().len(), given.len(), "{given:?}");
        assert!(given.iter().all(|port| ports.contains(port)));
    }

    #[test]
    fn what_listens_is_passed_over_and_what_an_ended_process_had_is_free() {
        let ports = 13_000..13_200;
        let folder = tempfile::tempdir().unwrap();
        let mut one = Blocks::of(ports.clone());
        one.take(folder.path()).unwrap();
        let block = one.left.clone();
        let _busy = TcpListener::bind((Ipv4Addr::LOCALHOST, block.start)).unwrap();
        assert_eq!(one.next(folder.path()).unwrap().port(), block.start + 1);
        let mut other = Blocks::of(ports.clone());
        for _ in 1..ports.len() / usize::from(BLOCK) {
            other.take(folder.path()).unwrap();
            assert_ne!(other.left, block);
        }
        assert_eq!(other.take(folder.path()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(one);
        other.take(folder.path()).unwrap();
        assert_eq!(other.left, block);
    }
}
