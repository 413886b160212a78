//! Mangles pages, prices and recipes for some seconds: `cargo run -p ukai-extract --example fuzz -- SECONDS [SEED]`.
//! A panic, a page that takes too long or one that takes too much memory ends it, naming the seed of the round.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ukai_extract::{Page, Recipes, decode_page, embedded_recipe_files, extract, parse_price};

/// No mangled page (they are small) may take longer, also in an unoptimised build.
const TOO_LONG: Duration = Duration::from_secs(5);
/// Nor make the process larger than this.
const TOO_LARGE_MIB: u64 = 512;

/// The round that runs.
static SEED: AtomicU64 = AtomicU64::new(0);
/// When it began, in milliseconds since the start.
static BEGAN: AtomicU64 = AtomicU64::new(0);

/// Ends the process, naming the round, where one takes too much.
fn watch(started: Instant) {
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let seed = SEED.load(Ordering::Relaxed);
        let began = Duration::from_millis(BEGAN.load(Ordering::Relaxed));
        let (took, resident) = (started.elapsed().saturating_sub(began), resident_mib());
        if took > TOO_LONG || resident > TOO_LARGE_MIB {
            let _ = writeln!(std::io::stderr(), "seed {seed}: {took:?} so far, {resident} MiB resident");
            std::process::exit(1);
        }
    }
}

/// Zero where the system doesn't tell.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|size| size.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) >> 10
}

/// A fixed pseudo-random sequence (xorshift64*).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % limit.max(1)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().map_or(Ok(60), |text| text.parse())?;
    let first: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages");
    let mut pages: Vec<Vec<u8>> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        pages.push(std::fs::read(entry?.path())?);
    }
    pages.sort();
    let recipes = Recipes::embedded();
    let started = Instant::now();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        let _ = writeln!(std::io::stderr(), "in the round of seed {}", SEED.load(Ordering::Relaxed));
    }));
    std::thread::spawn(move || watch(started));
    let mut rounds = 0_u64;
    while started.elapsed() < Duration::from_secs(seconds) {
        let seed = first.wrapping_add(rounds);
        SEED.store(seed, Ordering::Relaxed);
        BEGAN.store(u64::try_from(started.elapsed().as_millis())?, Ordering::Relaxed);
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let bytes = mangled(&mut dice, &pages);
        let html = decode_page(&bytes, None);
        let status = u16::try_from(100 + dice.below(500)).ok();
        extract(
            &Page {
                html: &html,
                url: Some("https://www.amazon.com/dp/B000000001?x=1"),
                status,
                headers: &[],
            },
            &recipes,
        );
        let from = floor(&html, dice.below(html.len()));
        let text: String = html[from..].chars().take(80).collect();
        parse_price(&text, None);
        let files = embedded_recipe_files();
        let file = files[dice.below(files.len())].1.as_bytes().to_vec();
        let recipe = mangled(&mut dice, &[file]);
        let _ = Recipes::none().add("fuzz", &String::from_utf8_lossy(&recipe));
        rounds += 1;
    }
    writeln!(
        std::io::stdout(),
        "{rounds} rounds from seed {first}, no panic, none over {TOO_LONG:?} or {TOO_LARGE_MIB} MiB"
    )?;
    Ok(())
}

/// One of the inputs with parts cut out, doubled, swapped with another's, and bytes changed.
fn mangled(dice: &mut Dice, inputs: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = inputs[dice.below(inputs.len())].clone();
    for _ in 0..=dice.below(6) {
        let (at, length) = (dice.below(bytes.len()), dice.below(200));
        let to = (at + length).min(bytes.len());
        match dice.below(5) {
            0 => drop(bytes.drain(at..to)),
            1 => {
                let part = bytes[at..to].repeat(1 + dice.below(40));
                bytes.splice(at..at, part);
            }
            2 => {
                let other = &inputs[dice.below(inputs.len())];
                let from = dice.below(other.len());
                bytes.splice(at..at, other[from..other.len().min(from + length)].iter().copied());
            }
            3 => bytes.truncate(at),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = dice.next().to_le_bytes()[0];
                }
            }
        }
    }
    bytes.truncate(200_000);
    bytes
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
