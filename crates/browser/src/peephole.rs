//! A look at one page while it is under way, from outside of its visit.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chromiumoxide::Page;
use tokio::sync::watch;

use crate::{PageError, Screenshot, content, instance::Instance};

/// Shows the page of the request that it was given with, for as long as that is open.
#[derive(Clone, Debug)]
pub struct Peephole(Arc<watch::Sender<Option<Seat>>>);

#[derive(Clone, Debug)]
struct Seat {
    instance: Arc<Instance>,
    page: Page,
}

impl Default for Peephole {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Peephole {
    /// A PNG of the window as it is now; `None` where no page is open and none opens within `limit`. The visit goes on
    /// meanwhile, and a page that ends takes its picture with it.
    ///
    /// # Errors
    /// The page gave no picture within `limit`, or ended before.
    pub async fn look(&self, limit: Duration) -> Option<Result<Vec<u8>, PageError>> {
        let begun = Instant::now();
        let mut open = self.0.subscribe();
        let seat = tokio::time::timeout(limit, open.wait_for(Option::is_some)).await;
        let Seat { instance, page } = seat.ok()?.ok()?.clone()?;
        let left = limit.saturating_sub(begun.elapsed());
        Some(content::picture(&instance, &page, &Screenshot::window(), left).await)
    }

    /// The page can be seen until the return value is dropped.
    pub(crate) fn open(&self, instance: &Arc<Instance>, page: &Page) -> Open {
        self.0.send_replace(Some(Seat { instance: Arc::clone(instance), page: page.clone() }));
        Open(self.clone())
    }
}

/// A page that can be seen.
#[derive(Debug)]
pub(crate) struct Open(Peephole);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.send_replace(None);
    }
}
