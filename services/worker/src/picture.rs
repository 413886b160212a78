//! The option `screenshot` of a task, as the browser understands it.

use serde::Deserialize;
use ukai_browser::{PictureFormat, Screenshot};

/// `true`, `false`, or the details.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Wish {
    Plain(bool),
    Detailed(Details),
}

/// Keys that are absent are as with `true`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Details {
    format: Option<Format>,
    full_page: Option<bool>,
    selector: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Png,
    Webp,
}

impl Default for Wish {
    fn default() -> Self {
        Self::Plain(false)
    }
}

impl Wish {
    /// What the browser shall take; `always` where the task is nothing but a picture.
    pub(crate) fn screenshot(&self, always: bool) -> Option<Screenshot> {
        match self {
            Self::Plain(wanted) => (*wanted || always).then(Screenshot::default),
            Self::Detailed(Details { format, full_page, selector }) => {
                let whole =
                    if *full_page == Some(false) { Screenshot::window() } else { Screenshot::default() };
                let format = match format {
                    Some(Format::Webp) => PictureFormat::Webp,
                    Some(Format::Png) | None => PictureFormat::Png,
                };
                Some(Screenshot { format, selector: selector.clone(), ..whole })
            }
        }
    }
}

/// Content type and the usual ending of a name.
pub(crate) fn file_type(format: PictureFormat) -> (&'static str, &'static str) {
    match format {
        PictureFormat::Png => ("image/png", "png"),
        PictureFormat::Webp => ("image/webp", "webp"),
    }
}

#[cfg(test)]
mod tests {
    use super::Wish;
    use serde_json::json;
    use ukai_browser::{PictureFormat, Screenshot};

    #[test]
    fn reads_every_form() {
        let read = |value| serde_json::from_value::<Wish>(value).unwrap().screenshot(false);
        assert_eq!(read(json!(false)), None);
        assert_eq!(read(json!(true)), Some(Screenshot::default()));
        assert_eq!(read(json!({})), Some(Screenshot::default()));
        assert_eq!(read(json!({"fullPage": false})), Some(Screenshot::window()));
        let webp = Screenshot {
            format: PictureFormat::Webp,
            selector: Some("#a".to_owned()),
            ..Screenshot::default()
        };
        assert_eq!(read(json!({"format": "webp", "selector": "#a", "later": 1})), Some(webp));
        assert!(serde_json::from_value::<Wish>(json!({"format": "gif"})).is_err());
        assert!(Wish::Plain(false).screenshot(true).is_some());
    }
}
