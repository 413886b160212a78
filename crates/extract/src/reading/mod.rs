//! Texts to values: counts, ratings, dates, durations.

mod count;
mod date;
mod stars;

pub(crate) use count::count;
pub(crate) use date::{day, duration, instant};
pub(crate) use stars::{rating, scaled};

#[cfg(test)]
mod tests;
