//! Gateways' batches and digests from the bus, decoded into inputs.

use crate::announcements::Part;
use crate::inbox::{Batch, Inbox};
use prost::Message;
use std::time::Duration;
use tokio::sync::oneshot;
use ukai_boot::Shutdown;
use ukai_boot::trace::{Span, SpanKind, Tracer};
use ukai_bus::{Bus, BusError, HEARTBEATS, Request, SCHEDULER_IN};
use ukai_domain::scheduler::Input;
use ukai_domain::{GatewayId, SessionId};
use ukai_rpc::v1;

/// After the end of an epoch, for the commit under way.
const LAST_ANSWERS: Duration = Duration::from_millis(200);

/// Serves `scheduler.in` and listens to digests while this process leads: `leading` ends with the epoch.
pub(crate) async fn run(
    bus: &dyn Bus,
    inbox: &Inbox,
    tracer: &Tracer,
    leading: &Shutdown,
) -> Result<(), BusError> {
    let mut requests = bus.serve(SCHEDULER_IN).await?;
    let mut digests = bus.subscribe(HEARTBEATS).await?;
    loop {
        tokio::select! {
            () = leading.stopping() => {
                // What was not looked at is for whoever leads next.
                requests.close();
                while let Some(request) = requests.recv().await {
                    send_again(request);
                }
                return Ok(());
            }
            request = requests.recv() => match request {
                Some(request) => accept(request, inbox, tracer, leading).await,
                None => return Err(BusError::Unavailable),
            },
            digest = digests.next() => match digest {
                Some(message) => digest_heard(&message.payload, inbox).await,
                None => return Err(BusError::Unavailable),
            },
        }
    }
}

async fn accept(request: Request, inbox: &Inbox, tracer: &Tracer, leading: &Shutdown) {
    let span = tracer.child(request.traceparent.as_deref(), SpanKind::Server, "process reports");
    let batch = match decode(&request.payload, &span) {
        Ok(batch) => batch,
        Err(error) => {
            tracing::error!(%error, "a gateway's batch can't be read");
            return;
        }
    };
    let (reply, answer) = oneshot::channel();
    inbox.batch(Batch { reply, ..batch }).await;
    let ending = leading.clone();
    leading.spawn(async move {
        let answer = tokio::select! {
            biased;
            answer = answer => answer.ok(),
            () = ended(&ending) => None,
        };
        drop(span);
        match answer {
            Some(reply) => request.respond(reply.encode_to_vec().into()),
            None if ending.is_stopping() => send_again(request),
            // Without an answer it does so after a while.
            None => {}
        }
    });
}

/// The epoch ends, and what was taken has had its time. An answer that comes later is given to the repeat.
async fn ended(leading: &Shutdown) {
    leading.stopping().await;
    tokio::time::sleep(LAST_ANSWERS).await;
}

/// A reply to no batch makes the gateway send it again at once, to whoever leads then.
fn send_again(request: Request) {
    request.respond(v1::GatewayReply::default().encode_to_vec().into());
}

fn decode(payload: &[u8], span: &Span) -> anyhow::Result<Batch> {
    let mut message = v1::GatewayBatch::decode(payload)?;
    let gateway = GatewayId::from_slice(&message.gateway).ok_or_else(|| anyhow::anyhow!("no gateway id"))?;
    let part = || Part::new(message.part, message.parts).ok_or_else(|| anyhow::anyhow!("no such part"));
    let announced = message.announce.then(part).transpose()?;
    let of_input = |(at, input): (usize, &mut v1::GatewayInput)| {
        input.traceparent.take().map(|trace| (at, span.or_other_trace(trace.into())))
    };
    let traces = message.inputs.iter_mut().enumerate().filter_map(of_input).collect();
    let inputs = message.inputs.into_iter().map(ukai_rpc::input_from_proto).collect::<Result<Vec<_>, _>>()?;
    let (reply, _) = oneshot::channel();
    Ok(Batch { gateway, seq: message.seq, epoch: message.epoch, announced, inputs, traces, reply })
}

async fn digest_heard(payload: &[u8], inbox: &Inbox) {
    let Ok(digest) = v1::HeartbeatDigest::decode(payload) else { return };
    let sessions: Vec<_> = digest
        .heard
        .iter()
        .filter_map(|h| Some((SessionId::from_slice(&h.session)?, Duration::from_millis(h.ago_ms))))
        .collect();
    if !sessions.is_empty() {
        inbox.tell(Input::Heard { sessions }).await;
    }
}
