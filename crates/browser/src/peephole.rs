//! A look at one page while it is under way, from outside of its visit.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chromiumoxide::Page;
use tokio::sync::watch;

use crate::{
    PageError, Screenshot, content,
    instance::{GLANCE, Instance},
};

/// From a look that showed nothing to the next.
const AGAIN: Duration = Duration::from_millis(100);

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
        let until = Instant::now() + limit;
        let left = || until.saturating_duration_since(Instant::now());
        let mut open = self.0.subscribe();
        let seat = tokio::time::timeout(limit, open.wait_for(Option::is_some)).await;
        let Seat { instance, page } = seat.ok()?.ok()?.clone()?;
        loop {
            let glance = GLANCE.min(left());
            let picture = content::picture(&instance, &page, &Screenshot::window(), glance).await;
            // A page that goes from one document to the next gives none, but does a little later.
            if picture.is_ok() || open.borrow().is_none() || left() <= AGAIN {
                return Some(picture);
            }
            tokio::time::sleep(AGAIN).await;
        }
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
