//! What a page says in machine-readable form: JSON-LD, microdata, RDFa, `meta` elements, JSON in scripts.
//!
//! All vocabularies come out as JSON objects with `@type`, so that one reader serves them all.

mod embedded;
mod jsonld;
mod meta;
mod microdata;
mod thing;

pub(crate) use embedded::Embedded;
pub(crate) use meta::Meta;
pub(crate) use thing::{Thing, number_of, text_of, texts_of, values};

use crate::html::Document;

/// All items that the page describes, JSON-LD first.
pub(crate) fn things(document: &Document<'_>) -> Vec<Thing> {
    let mut things = jsonld::things(document);
    things.extend(microdata::things(document));
    things
}

#[cfg(test)]
mod tests;
