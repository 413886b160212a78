//! A blank page that is ready to go, made while nobody waits: a context of its own costs as much as a small page.

use std::sync::{Arc, Mutex, PoisonError};

use chromiumoxide::Page;

use crate::{
    Config, PageError, identity,
    instance::{Context, Instance},
    watch::{self, Watch},
};

/// A blank page in a context of its own, already watched.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) page: Page,
    pub(crate) watch: Watch,
    pub(crate) instance: Arc<Instance>,
    // Last, so that the context goes when nobody asks its page anything more.
    pub(crate) _context: Context,
}

impl Prepared {
    pub(crate) async fn new(instance: &Arc<Instance>, config: &Config) -> Result<Self, PageError> {
        let (page, context) = instance.open(config.profile.is_none()).await?;
        identity::put_on(instance, &page, config).await?;
        let watch = watch::start(instance, &page).await?;
        Ok(Self { page, watch, instance: Arc::clone(instance), _context: context })
    }
}

/// The place of one prepared page.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Option<Prepared>>);

impl Spare {
    /// The prepared page, if it belongs to this process.
    pub(crate) fn take(&self, instance: &Arc<Instance>) -> Option<Prepared> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.filter(|prepared| Arc::ptr_eq(&prepared.instance, instance) && !prepared.watch.has_crashed())
    }

    /// Makes one in the background, unless there is one. Whoever needs a page before that makes their own.
    pub(crate) fn refill(self: &Arc<Self>, instance: &Arc<Instance>, config: &Arc<Config>) {
        let (spare, instance, config) = (Arc::clone(self), Arc::clone(instance), Arc::clone(config));
        tokio::spawn(async move {
            if spare.0.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                return;
            }
            match Prepared::new(&instance, &config).await {
                Ok(prepared) => {
                    let before = spare.0.lock().unwrap_or_else(PoisonError::into_inner).replace(prepared);
                    drop(before);
                }
                Err(error) => tracing::debug!(%error, "no page could be prepared"),
            }
        });
    }
}
