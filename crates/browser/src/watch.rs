//! Listens to one page: keeps [`Seen`] current, dismisses dialogs, decides about paused requests.
//!
//! It runs beside the visit, because a dialog or a paused request blocks the very calls that the visit waits for.

use std::{sync::Arc, time::Duration};

use chromiumoxide::{
    Page,
    cdp::browser_protocol::{
        fetch::{self, ContinueRequestParams, EventRequestPaused, FailRequestParams, RequestPattern},
        inspector::{self, EventTargetCrashed},
        network::{
            ErrorReason, EventDataReceived, EventLoadingFailed, EventLoadingFinished, EventRequestWillBeSent,
            EventResponseReceived,
        },
        page::{EventDomContentEventFired, EventJavascriptDialogOpening, HandleJavaScriptDialogParams},
    },
};
use futures::{StreamExt, stream::FuturesUnordered, stream::SelectAll};
use tokio::{sync::watch, task::AbortHandle};

use crate::{
    PageError,
    instance::Instance,
    seen::{Seen, pictures},
};

const CALL: Duration = Duration::from_secs(5);

enum Signal {
    Sent(Arc<EventRequestWillBeSent>),
    Received(Arc<EventResponseReceived>),
    Data(Arc<EventDataReceived>),
    Finished(Arc<EventLoadingFinished>),
    Failed(Arc<EventLoadingFailed>),
    Parsed(Arc<EventDomContentEventFired>),
    Dialog,
    Paused(Arc<EventRequestPaused>),
    Crashed,
}

/// A running watch; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) seen: watch::Receiver<Seen>,
    task: AbortHandle,
}

impl Watch {
    /// Whether the page broke while nobody used it.
    pub(crate) fn has_crashed(&self) -> bool {
        self.seen.borrow().crashed || self.task.is_finished()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

macro_rules! listen {
    ($instance:expr, $page:expr, $signals:expr, $event:ty, $map:expr) => {
        let stream = $instance.call(CALL, $page.event_listener::<$event>()).await?;
        $signals.push(stream.map($map).boxed());
    };
}

/// Starts watching `page`, before it navigates.
pub(crate) async fn start(instance: &Arc<Instance>, page: &Page) -> Result<Watch, PageError> {
    let mut signals = SelectAll::new();
    listen!(instance, page, signals, EventRequestWillBeSent, Signal::Sent);
    listen!(instance, page, signals, EventResponseReceived, Signal::Received);
    listen!(instance, page, signals, EventDataReceived, Signal::Data);
    listen!(instance, page, signals, EventLoadingFinished, Signal::Finished);
    listen!(instance, page, signals, EventLoadingFailed, Signal::Failed);
    listen!(instance, page, signals, EventDomContentEventFired, Signal::Parsed);
    listen!(instance, page, signals, EventJavascriptDialogOpening, |_| Signal::Dialog);
    listen!(instance, page, signals, EventTargetCrashed, |_| Signal::Crashed);
    instance.call(CALL, page.execute(inspector::EnableParams::default())).await?;
    listen!(instance, page, signals, EventRequestPaused, Signal::Paused);
    let (state, seen) = watch::channel(Seen::new(page.target_id().inner().clone()));
    let task = tokio::spawn(run(Arc::clone(instance), page.clone(), signals, state));
    Ok(Watch { seen, task: task.abort_handle() })
}

/// Has images, media and fonts paused, and so refused. Pausing costs every request some milliseconds, so nothing else is:
/// the guard stands behind the browser's only way out, and Chromium gives web pages no other scheme.
pub(crate) async fn leave_pictures_out(instance: &Arc<Instance>, page: &Page) -> Result<(), PageError> {
    let pattern = |kind| RequestPattern::builder().url_pattern("*").resource_type(kind).build();
    let patterns: Vec<RequestPattern> = pictures().into_iter().map(pattern).collect();
    let enable = fetch::EnableParams::builder().patterns(patterns).build();
    instance.call(CALL, page.execute(enable)).await?;
    Ok(())
}

async fn run(
    instance: Arc<Instance>,
    page: Page,
    mut signals: SelectAll<futures::stream::BoxStream<'static, Signal>>,
    state: watch::Sender<Seen>,
) {
    let mut answers = FuturesUnordered::new();
    loop {
        let signal = tokio::select! {
            signal = signals.next() => match signal {
                Some(signal) => signal,
                None => break,
            },
            Some(()) = answers.next(), if !answers.is_empty() => continue,
        };
        match signal {
            Signal::Sent(event) => state.send_modify(|seen| seen.sent(&event)),
            Signal::Received(event) => state.send_modify(|seen| seen.received(&event)),
            Signal::Data(event) => state.send_modify(|seen| seen.data(&event)),
            Signal::Finished(event) => {
                state.send_modify(|seen| seen.ended(event.request_id.inner(), *event.timestamp.inner()));
            }
            Signal::Failed(event) => state.send_modify(|seen| seen.failed(&event)),
            Signal::Parsed(event) => state.send_modify(|seen| seen.parsed(*event.timestamp.inner())),
            Signal::Crashed => state.send_modify(|seen| seen.crashed = true),
            Signal::Dialog => {
                let (instance, page) = (&instance, &page);
                answers.push(futures::future::Either::Left(async move {
                    let _ = instance.call(CALL, page.execute(HandleJavaScriptDialogParams::new(false))).await;
                }));
            }
            Signal::Paused(event) => {
                let (instance, page) = (&instance, &page);
                answers.push(futures::future::Either::Right(async move {
                    if pictures().contains(&event.resource_type) {
                        let fail =
                            FailRequestParams::new(event.request_id.clone(), ErrorReason::BlockedByClient);
                        let _ = instance.call(CALL, page.execute(fail)).await;
                    } else {
                        let go_on = ContinueRequestParams::new(event.request_id.clone());
                        let _ = instance.call(CALL, page.execute(go_on)).await;
                    }
                }));
            }
        }
    }
}
