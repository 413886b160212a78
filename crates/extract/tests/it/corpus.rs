//! The corpus of saved pages with what a person reads on them. It is not part of the project: where it is
//! absent, its tests say so and end.

use std::path::PathBuf;

use serde_json::Value;
use ukai_extract::decode_page;

/// One saved page.
pub(crate) struct Case {
    /// The path below the corpus folder.
    pub file: String,
    /// The page's text.
    pub html: String,
    /// Its row in the table of truth.
    pub truth: Value,
}

impl Case {
    /// The folder that the page lies in.
    pub(crate) fn family(&self) -> &str {
        self.file.split('/').next().unwrap_or("")
    }

    /// `product`, `listing`, `post`, `video`, `article` or `block`.
    pub(crate) fn kind(&self) -> &str {
        self.truth["kind"].as_str().unwrap_or("")
    }

    /// The page's address.
    pub(crate) fn url(&self) -> Option<&str> {
        self.truth["url"].as_str()
    }
}

/// The corpus folder, or `None` with a word on the terminal where there is none.
pub(crate) fn folder() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let found = [root.join("../shared/pages"), root.join("shared/pages")]
        .into_iter()
        .find(|path| path.join("truth.json").is_file());
    if found.is_none() {
        println!("skipped: no corpus");
    }
    found
}

/// All pages.
pub(crate) fn cases() -> Option<Vec<Case>> {
    let folder = folder()?;
    let truth = std::fs::read_to_string(folder.join("truth.json")).expect("the table of truth");
    let rows: Vec<Value> = serde_json::from_str(&truth).expect("a JSON array");
    let case = |truth: Value| {
        let file = truth["file"].as_str().expect("a file name").to_owned();
        let bytes = std::fs::read(folder.join(&file)).expect("a saved page");
        Case { file, html: decode_page(&bytes, None), truth }
    };
    Some(rows.into_iter().map(case).collect())
}
