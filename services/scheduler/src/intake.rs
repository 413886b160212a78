//! Gateways' batches and digests from the bus, decoded into inputs.

use crate::announcements::Part;
use crate::inbox::{Batch, Inbox};
use bytes::Bytes;
use prost::Message;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// Requests of one batch that are answered: a gateway has given up on earlier ones, and a bus may take late answers ill.
const ANSWERED: usize = 4;

/// Batches that wait for their step, by gateway and number, each with the requests that its answer goes to. A gateway
/// sends its batch again every few seconds, however long nothing is stepped: what it says is kept once.
type Waiting = Arc<Mutex<Asked>>;
type Asked = BTreeMap<(GatewayId, u64), VecDeque<Request>>;

/// Serves `scheduler.in` and listens to digests while this process leads: `leading` ends with the epoch.
pub(crate) async fn run(
    bus: &dyn Bus,
    inbox: &Inbox,
    tracer: &Tracer,
    leading: &Shutdown,
) -> Result<(), BusError> {
    let mut requests = bus.serve(SCHEDULER_IN).await?;
    let mut digests = bus.subscribe(HEARTBEATS).await?;
    let waiting = Waiting::default();
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
                Some(request) => accept(request, &waiting, inbox, tracer, leading).await,
                None => return Err(BusError::Unavailable),
            },
            digest = digests.next() => match digest {
                Some(message) => digest_heard(&message.payload, inbox).await,
                None => return Err(BusError::Unavailable),
            },
        }
    }
}

async fn accept(mut request: Request, waiting: &Waiting, inbox: &Inbox, tracer: &Tracer, leading: &Shutdown) {
    let span = tracer.child(request.traceparent.as_deref(), SpanKind::Server, "process reports");
    let batch = match decode(&request.payload, &span) {
        Ok(batch) => batch,
        Err(error) => {
            tracing::error!(%error, "a gateway's batch can't be read");
            return;
        }
    };
    let key = (batch.gateway, batch.seq);
    let is_repeat = {
        let mut asked = locked(waiting);
        let requests = asked.entry(key).or_default();
        request.payload = Bytes::new();
        let is_repeat = !requests.is_empty();
        if requests.len() >= ANSWERED {
            requests.pop_front();
        }
        requests.push_back(request);
        is_repeat
    };
    if is_repeat {
        return;
    }
    let (reply, answer) = oneshot::channel();
    inbox.batch(Batch { reply, ..batch }).await;
    let (ending, waiting) = (leading.clone(), Arc::clone(waiting));
    leading.spawn(async move {
        let answer = tokio::select! {
            biased;
            answer = answer => answer.ok(),
            () = ended(&ending) => None,
        };
        drop(span);
        let requests = locked(&waiting).remove(&key).unwrap_or_default();
        match answer {
            Some(reply) => {
                let reply = Bytes::from(reply.encode_to_vec());
                requests.into_iter().for_each(|request| request.respond(reply.clone()));
            }
            None if ending.is_stopping() => requests.into_iter().for_each(send_again),
            // Without an answer it does so after a while.
            None => {}
        }
    });
}

fn locked(waiting: &Waiting) -> MutexGuard<'_, Asked> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::{Waiting, accept};
    use crate::inbox::{Work, channel};
    use bytes::Bytes;
    use prost::Message;
    use tokio::sync::oneshot;
    use ukai_boot::Shutdown;
    use ukai_boot::trace::Tracer;
    use ukai_bus::Request;
    use ukai_rpc::v1;

    #[tokio::test]
    #[allow(clippy::async_yields_async, reason = "the answer comes later")]
    async fn repeats_of_a_batch_that_waits_are_kept_once_and_the_newest_answered() {
        let (inbox, works) = channel(10, 10);
        let (waiting, tracer, leading) = (Waiting::default(), Tracer::default(), Shutdown::new());
        let send = async |seq: u64| {
            let batch = v1::GatewayBatch { gateway: vec![7; 16], seq, ..v1::GatewayBatch::default() };
            let (reply, answer) = oneshot::channel();
            let request = Request::new(Bytes::from(batch.encode_to_vec()), None, reply);
            accept(request, &waiting, &inbox, &tracer, &leading).await;
            answer
        };
        let given_up = send(1).await;
        let (first, other) = (send(1).await, send(2).await);
        let (second, third, newest) = (send(1).await, send(1).await, send(1).await);
        let mut works = works.lock().await;
        let mut next = || match works.try_recv() {
            Ok(Work::Batch(batch)) => Some(batch),
            _ => None,
        };
        let (one, two) = (next().unwrap(), next().unwrap());
        assert_eq!((one.seq, two.seq), (1, 2));
        assert!(next().is_none(), "the repeat waits, too");
        one.reply.send(v1::GatewayReply { seq: 1, ..v1::GatewayReply::default() }).unwrap();
        assert!(given_up.await.is_err(), "it waits no longer");
        for answer in [first, second, third, newest] {
            assert_eq!(v1::GatewayReply::decode(answer.await.unwrap()).unwrap().seq, 1);
        }
        // Taken and not answered: its gateway hears nothing, and what it sends again is taken again.
        drop(two);
        assert!(other.await.is_err());
        let _again = send(2).await;
        assert_eq!(next().unwrap().seq, 2);
    }
}
