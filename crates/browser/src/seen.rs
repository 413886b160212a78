//! What the DevTools events of one page add up to.
//!
//! Events of different kinds arrive on different streams and may overtake each other, so every judgement compares
//! Chromium's own timestamps instead of relying on the order of arrival.

use std::collections::{HashMap, HashSet};

use chromiumoxide::cdp::browser_protocol::network::{
    EventDataReceived, EventLoadingFailed, EventRequestWillBeSent, EventResponseReceived, ResourceType,
    Response,
};

/// More requests than this are no longer counted apart.
const MANY: usize = 20_000;

/// The document's response.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
}

/// The state of one page, as far as its events have told.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    main_frame: String,
    /// The newest navigation request of the main frame: its id, when it was sent, where to.
    navigation: Option<(String, f64, String)>,
    response: Option<(f64, Document)>,
    parsed_at: f64,
    failed: HashMap<String, String>,
    /// Requests that a page's content depends on: when sent, when ended.
    requests: HashMap<String, (f64, f64)>,
    bytes: HashMap<String, u64>,
    /// Everything that came, in decoded bytes.
    pub(crate) total_bytes: u64,
    /// Whether a script was asked for.
    pub(crate) scripts: bool,
    /// Grows with everything that happens on the network.
    pub(crate) activity: u64,
    pub(crate) refused: Option<String>,
    pub(crate) crashed: bool,
}

impl Seen {
    pub(crate) fn new(main_frame: String) -> Self {
        Self { main_frame, ..Self::default() }
    }

    pub(crate) fn sent(&mut self, event: &EventRequestWillBeSent) {
        let kind = event.r#type.clone().unwrap_or(ResourceType::Other);
        let id = event.request_id.inner().clone();
        let at = *event.timestamp.inner();
        let main = event.frame_id.as_ref().is_some_and(|frame| *frame.inner() == self.main_frame);
        let navigates = kind == ResourceType::Document && main && event.loader_id.inner() == &id;
        if navigates && self.navigation.as_ref().is_none_or(|(_, newest, _)| at > *newest) {
            let url = event.request.url.clone();
            let scheme = url.split(':').next().unwrap_or_default();
            if !matches!(scheme, "http" | "https" | "about" | "data" | "blob" | "chrome-error") {
                self.refused = Some(format!("the scheme {scheme} is not http or https (rule: scheme)"));
            }
            self.navigation = Some((id.clone(), at, url));
        }
        self.scripts |= kind == ResourceType::Script;
        if counts(&kind) && self.requests.len() < MANY {
            self.requests.entry(id).or_default().0 = at;
            self.activity += 1;
        }
    }

    pub(crate) fn received(&mut self, event: &EventResponseReceived) {
        let main = event.frame_id.as_ref().is_some_and(|frame| *frame.inner() == self.main_frame);
        let at = *event.timestamp.inner();
        if main
            && event.r#type == ResourceType::Document
            && self.response.as_ref().is_none_or(|(last, _)| at >= *last)
        {
            self.response = Some((at, document(&event.response)));
        }
    }

    pub(crate) fn data(&mut self, event: &EventDataReceived) {
        let length = u64::try_from(event.data_length).unwrap_or(0);
        self.total_bytes += length;
        if self.bytes.len() < MANY {
            *self.bytes.entry(event.request_id.inner().clone()).or_default() += length;
        }
    }

    pub(crate) fn ended(&mut self, id: &str, at: f64) {
        let request = self.requests.entry(id.to_owned()).or_default();
        request.1 = request.1.max(at);
        self.activity += 1;
    }

    pub(crate) fn failed(&mut self, event: &EventLoadingFailed) {
        let id = event.request_id.inner();
        if event.r#type == ResourceType::Document {
            self.failed.insert(id.clone(), event.error_text.clone());
        }
        self.ended(id, *event.timestamp.inner());
    }

    pub(crate) fn parsed(&mut self, at: f64) {
        self.parsed_at = self.parsed_at.max(at);
    }

    /// Whether the DOM of the newest navigation has been parsed.
    pub(crate) fn is_parsed(&self) -> bool {
        self.navigation.as_ref().is_some_and(|(id, sent, _)| {
            // A navigation that failed after an earlier page stood (a download, a 204) leaves that page as it was.
            self.parsed_at >= *sent || (self.parsed_at > 0.0 && self.failed.contains_key(id))
        })
    }

    /// Why the page did not come, in Chromium's words.
    pub(crate) fn failure(&self) -> Option<&str> {
        let (id, sent, _) = self.navigation.as_ref()?;
        let text = self.failed.get(id)?;
        (self.parsed_at < *sent && self.parsed_at == 0.0 || self.response.is_none()).then_some(text.as_str())
    }

    pub(crate) fn document(&self) -> Option<&Document> {
        self.response.as_ref().map(|(_, document)| document)
    }

    /// Requests under way that the page's content may depend on.
    pub(crate) fn under_way(&self) -> usize {
        self.requests.values().filter(|(sent, ended)| sent > ended).count()
    }

    /// How much of the newest document has come, in decoded bytes.
    pub(crate) fn document_bytes(&self) -> u64 {
        self.navigation.as_ref().and_then(|(id, ..)| self.bytes.get(id)).copied().unwrap_or(0)
    }

    /// The newest navigation's request and where it went.
    pub(crate) fn navigation(&self) -> Option<(&str, &str)> {
        self.navigation.as_ref().map(|(id, _, url)| (id.as_str(), url.as_str()))
    }
}

/// Images, media, fonts, beacons and open streams may take their time: no text comes from them.
fn counts(kind: &ResourceType) -> bool {
    matches!(
        kind,
        ResourceType::Document
            | ResourceType::Script
            | ResourceType::Stylesheet
            | ResourceType::Xhr
            | ResourceType::Fetch
            | ResourceType::Preflight
    )
}

fn document(response: &Response) -> Document {
    let headers = response.headers.inner().as_object().into_iter().flatten();
    Document {
        status: u16::try_from(response.status).unwrap_or(0),
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
    }
}

/// The resource types that `block_images` leaves out.
pub(crate) fn pictures() -> HashSet<ResourceType> {
    HashSet::from([ResourceType::Image, ResourceType::Media, ResourceType::Font])
}
