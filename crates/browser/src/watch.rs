//! Listens to one page: keeps [`Seen`] current, dismisses dialogs, decides about paused requests.
//!
//! It runs beside the visit, because a dialog or a paused request blocks the very calls that the visit waits for.

use std::{net::IpAddr, sync::Arc, time::Duration};

use chromiumoxide::{
    Page,
    cdp::browser_protocol::{
        fetch::{self, ContinueRequestParams, EventRequestPaused, FailRequestParams, RequestPattern},
        inspector::{self, EventTargetCrashed},
        network::{
            ErrorReason, EventDataReceived, EventLoadingFailed, EventLoadingFinished, EventRequestWillBeSent,
            EventResponseReceived, ResourceType,
        },
        page::{EventDomContentEventFired, EventJavascriptDialogOpening, HandleJavaScriptDialogParams},
    },
};
use futures::{StreamExt, stream::FuturesUnordered, stream::SelectAll};
use tokio::{sync::watch, task::AbortHandle};
use url::Url;

use crate::{
    PageError,
    egress::Guard,
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
pub(crate) async fn start(
    instance: &Arc<Instance>,
    page: &Page,
    guard: Arc<Guard>,
    block_images: bool,
) -> Result<Watch, PageError> {
    let intercept_all = !guard.allows_all();
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
    if intercept_all || block_images {
        listen!(instance, page, signals, EventRequestPaused, Signal::Paused);
        let patterns: Vec<RequestPattern> = if intercept_all {
            vec![RequestPattern::builder().url_pattern("*").build()]
        } else {
            pictures()
                .into_iter()
                .map(|kind| RequestPattern::builder().url_pattern("*").resource_type(kind).build())
                .collect()
        };
        let enable = fetch::EnableParams::builder().patterns(patterns).build();
        instance.call(CALL, page.execute(enable)).await?;
    }
    let (state, seen) = watch::channel(Seen::new(page.target_id().inner().clone()));
    let task = tokio::spawn(run(Arc::clone(instance), page.clone(), guard, block_images, signals, state));
    Ok(Watch { seen, task: task.abort_handle() })
}

async fn run(
    instance: Arc<Instance>,
    page: Page,
    guard: Arc<Guard>,
    block_images: bool,
    mut signals: SelectAll<futures::stream::BoxStream<'static, Signal>>,
    state: watch::Sender<Seen>,
) {
    let main_frame = page.target_id().inner().clone();
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
            Signal::Received(event) => {
                let main = event.frame_id.as_ref().is_some_and(|frame| *frame.inner() == main_frame);
                let address = event.response.remote_ip_address.as_deref().filter(|_| main);
                let address = address.and_then(|text| text.trim_matches(['[', ']']).parse::<IpAddr>().ok());
                let refused = address.and_then(|ip| guard.check_answer(&event.response.url, ip).err());
                state.send_modify(|seen| {
                    seen.received(&event);
                    if event.r#type == ResourceType::Document && refused.is_some() {
                        seen.refused = refused;
                    }
                });
            }
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
                let (instance, page, guard, state, main_frame) =
                    (&instance, &page, &guard, &state, &main_frame);
                answers.push(futures::future::Either::Right(async move {
                    let verdict = judge(guard, &event, block_images).await;
                    if let Err(why) = verdict {
                        if event.resource_type == ResourceType::Document
                            && event.frame_id.inner() == main_frame
                        {
                            state.send_modify(|seen| seen.refused = Some(why));
                        }
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

async fn judge(guard: &Guard, event: &EventRequestPaused, block_images: bool) -> Result<(), String> {
    if block_images && pictures().contains(&event.resource_type) {
        return Err("pictures are left out".to_owned());
    }
    let url =
        Url::parse(&event.request.url).map_err(|error| format!("an address that does not parse: {error}"))?;
    guard.check(&url).await
}
