//! The goods: everything about item `n` follows from the seed and `n`.

/// How many items the lists show.
pub(super) const LISTED: u32 = 60;
/// Items on one page of a list.
pub(super) const PER_PAGE: u32 = 12;

const MAKERS: &[&str] =
    &["Alder & Finch", "Norrsken", "Tidewater", "Casa Lumo", "Pinecroft", "Hollis", "Ravn", "Mirabel"];
const LOOKS: &[&str] = &[
    "Walnut",
    "Slate",
    "Ochre",
    "Sea Green",
    "Brushed Steel",
    "Indigo",
    "Terracotta",
    "Birch",
    "Café Crème",
];
const THINGS: &[&str] = &[
    "Pour-Over Kettle",
    "Desk Lamp",
    "Wall Clock",
    "Plant Pot",
    "Table Speaker",
    "Water Bottle",
    "Storm Lantern",
    "Serving Bowl",
];
const DETAILS: &[&str] =
    &["", ", 0.75 l", ", Set of 2", " with Linen Cover", " (2nd Edition)", ", Small", ", 30 × 40 cm"];

/// A currency and how its shops write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// ISO 4217.
    pub code: &'static str,
    symbol: &'static str,
    symbol_first: bool,
    group: char,
    decimal: char,
}

const USD: Money = Money { code: "USD", symbol: "$", symbol_first: true, group: ',', decimal: '.' };
const EUR: Money = Money { code: "EUR", symbol: "\u{a0}€", symbol_first: false, group: '.', decimal: ',' };
const GBP: Money = Money { code: "GBP", symbol: "£", symbol_first: true, group: ',', decimal: '.' };
const CHF: Money = Money { code: "CHF", symbol: "CHF\u{a0}", symbol_first: true, group: '’', decimal: '.' };

/// An article of the shop.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its number.
    pub n: u32,
    /// Its name.
    pub title: String,
    /// What it costs, in cents.
    pub cents: u64,
    /// What it cost before, in cents.
    pub was_cents: Option<u64>,
    /// The currency of both.
    pub money: Money,
    /// Tenths of a star, 31 to 50.
    pub rating_tenths: u32,
    /// How many people rated.
    pub reviews: u64,
    /// Whether it can be ordered.
    pub in_stock: bool,
    /// Which thing it is: chooses the picture.
    pub thing: usize,
    /// Its colour, 0 to 359.
    pub hue: u32,
}

/// All goods of one seed.
#[derive(Debug, Clone, Copy)]
pub struct Catalog {
    seed: u64,
}

impl Catalog {
    /// The goods of a seed.
    pub fn new(seed: u64) -> Self {
        Catalog { seed }
    }

    /// Item `n`; there is one for every number.
    pub fn item(&self, n: u32) -> Item {
        let mut dice = Dice(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (u64::from(n) << 17));
        let maker = dice.of(MAKERS);
        let look = dice.of(LOOKS);
        let thing = dice.below(THINGS.len() as u64);
        let detail = dice.of(DETAILS);
        let large = dice.below(9) == 0;
        let cents = if large { 100_000 + dice.below(150_000) } else { 495 + dice.below(28_000) };
        let was_cents = (n % 4 == 1).then(|| cents + 100 + cents * (5 + dice.below(30)) / 100);
        let money = match n % 6 {
            0 | 2 => USD,
            1 | 3 => EUR,
            4 => GBP,
            _ => CHF,
        };
        let thing = usize::try_from(thing).unwrap_or(0);
        Item {
            n,
            title: format!("{maker} {} in {look}{detail} No. {n}", THINGS[thing]),
            cents,
            was_cents,
            money,
            rating_tenths: u32::try_from(31 + dice.below(20)).unwrap_or(40),
            reviews: if large { 1_000 + dice.below(9_000) } else { 3 + dice.below(900) },
            in_stock: n % 7 != 5,
            thing,
            hue: u32::try_from(dice.below(360)).unwrap_or(0),
        }
    }

    /// The item with Amazon's kind of number, in its dollars.
    pub fn item_of_asin(&self, asin: &str) -> Option<Item> {
        let n = asin.strip_prefix("B0SH0P").filter(|d| d.len() == 4)?.parse().ok()?;
        Some(Item { money: USD, ..self.item(n) })
    }

    /// The last page of a list.
    pub fn pages(&self) -> u32 {
        LISTED.div_ceil(PER_PAGE)
    }

    /// The items on a page of a list, counted from 1.
    pub fn page(&self, page: u32) -> Vec<Item> {
        let first = page.saturating_sub(1).saturating_mul(PER_PAGE).saturating_add(1);
        (first..first.saturating_add(PER_PAGE)).take_while(|n| *n <= LISTED).map(|n| self.item(n)).collect()
    }
}

impl Item {
    /// Amazon's kind of number, for items below 10,000.
    pub fn asin(&self) -> String {
        format!("B0SH0P{:04}", self.n % 10_000)
    }

    /// The price as a number.
    pub fn price(&self) -> f64 {
        units(self.cents)
    }

    /// The former price as a number.
    pub fn was(&self) -> Option<f64> {
        self.was_cents.map(units)
    }

    /// Out of 5.
    pub fn rating(&self) -> f64 {
        f64::from(self.rating_tenths) / 10.0
    }

    /// The price as the page shows it.
    pub fn price_text(&self) -> String {
        self.money.write(self.cents)
    }

    /// The former price as the page shows it.
    pub fn was_text(&self) -> Option<String> {
        self.was_cents.map(|cents| self.money.write(cents))
    }

    /// The words about its stock.
    pub fn availability(&self) -> &'static str {
        if self.in_stock { "In stock" } else { "Out of stock" }
    }

    /// The path of its picture.
    pub fn picture(&self) -> String {
        format!("/img/{}.svg", self.n)
    }
}

impl Money {
    /// An amount as people of that currency write it.
    pub fn write(&self, cents: u64) -> String {
        let digits = (cents / 100).to_string();
        let mut whole = String::new();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                whole.push(self.group);
            }
            whole.push(digit);
        }
        let number = format!("{whole}{}{:02}", self.decimal, cents % 100);
        if self.symbol_first {
            format!("{}{number}", self.symbol)
        } else {
            format!("{number}{}", self.symbol)
        }
    }
}

/// Cents as a number of whole units; exact to the cent below 2^53.
#[allow(clippy::cast_precision_loss, reason = "catalog amounts are far below 2^53")]
fn units(cents: u64) -> f64 {
    cents as f64 / 100.0
}

/// A fixed pseudo-random sequence (splitmix64), so that a page never changes with a library's version.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn of(&mut self, words: &'static [&'static str]) -> &'static str {
        let i = self.below(words.len() as u64);
        usize::try_from(i).ok().and_then(|i| words.get(i)).copied().unwrap_or("")
    }
}
