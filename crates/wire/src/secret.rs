//! Worker tokens and API keys: 256 random bits that scanners can recognise, kept only as a hash.

use sha2::{Digest, Sha256};

/// What the tokens of workers begin with.
pub const WORKER_TOKEN: &str = "ukw_";
/// What API keys begin with.
pub const API_KEY: &str = "uka_";

/// Characters by which a secret is looked up.
const PREFIX_LENGTH: usize = 16;
/// 62^43 > 2^256.
const RANDOM_DIGITS: usize = 43;
/// 62^6 > 2^32.
const CHECK_DIGITS: usize = 6;

/// `kind` + 43 base62 digits of `random` + 6 base62 digits of the CRC-32 of all before them.
#[must_use]
pub fn mint(kind: &str, random: [u8; 32]) -> String {
    let mut secret = String::with_capacity(kind.len() + RANDOM_DIGITS + CHECK_DIGITS);
    secret.push_str(kind);
    push_base62(&mut secret, random, RANDOM_DIGITS);
    let mut check = [0; 32];
    check[28..].copy_from_slice(&crc32(secret.as_bytes()).to_be_bytes());
    push_base62(&mut secret, check, CHECK_DIGITS);
    secret
}

/// A fresh one from the operating system's generator.
#[must_use]
pub fn generate(kind: &str) -> String {
    mint(kind, rand::random())
}

/// What a secret is looked up by: its first 16 characters.
#[must_use]
pub fn prefix(secret: &str) -> &str {
    secret.char_indices().nth(PREFIX_LENGTH).map_or(secret, |(end, _)| &secret[..end])
}

/// SHA-256 of the whole secret as hex, the form in which it is stored.
#[must_use]
pub fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

fn push_base62(out: &mut String, mut number: [u8; 32], digits: usize) {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut reversed = Vec::with_capacity(digits);
    for _ in 0..digits {
        let mut remainder = 0_usize;
        for byte in &mut number {
            let part = remainder * 256 + usize::from(*byte);
            *byte = u8::try_from(part / 62).unwrap_or(u8::MAX);
            remainder = part % 62;
        }
        reversed.push(ALPHABET[remainder]);
    }
    out.extend(reversed.into_iter().rev().map(char::from));
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn the_largest_number_fits_its_digits() {
        let secret = mint(WORKER_TOKEN, [0xFF; 32]);
        assert_eq!(secret.len(), 4 + 43 + 6);
        assert!(secret.starts_with("ukw_"));
        assert_ne!(mint(WORKER_TOKEN, [0xFE; 32]), secret);
        assert!(mint(API_KEY, [0; 32]).starts_with("uka_0000000"));
    }

    #[test]
    fn prefix_is_16_characters_or_all() {
        assert_eq!(prefix("ukw_0123456789abcdef"), "ukw_0123456789ab");
        assert_eq!(prefix("short"), "short");
        assert_eq!(prefix("ääääääääääääääääz"), "ääääääääääääääää");
    }
}
