//! Who gets which reply, and who none.

use super::*;
use tokio::sync::oneshot::Receiver;
use ukai_boot::Registry;
use ukai_domain::{Code, SessionId};

const EPOCH: u64 = 3;
const GATEWAY: GatewayId = GatewayId::NIL;

/// One turn's targets and inputs.
struct Turn {
    targets: Targets,
    gateways: Gateways,
    inputs: Vec<(Token, Input)>,
}

impl Turn {
    fn new(gateways: Gateways) -> Self {
        Self { targets: Targets::default(), gateways, inputs: Vec::new() }
    }

    fn batch(&mut self, seq: u64, announce: bool, sessions: &[u128]) -> Receiver<v1::GatewayReply> {
        let (reply, answer) = oneshot::channel();
        let inputs = sessions.iter().map(|n| draining(*n)).collect();
        let batch =
            Batch { gateway: GATEWAY, seq, epoch: EPOCH, announce, inputs, traces: Vec::new(), reply };
        self.targets.take(Work::Batch(batch), EPOCH, &self.gateways, &mut self.inputs);
        answer
    }

    /// Answers the first `n` inputs.
    fn answer(mut self, n: usize) -> Gateways {
        let accepted = Ok(Reply::Accepted { duplicate: false });
        let replies = self.inputs.iter().take(n).map(|(token, _)| (*token, accepted.clone())).collect();
        self.targets.answer(replies, EPOCH, &mut self.gateways, &metrics());
        self.gateways
    }
}

fn draining(n: u128) -> Input {
    Input::Draining { session: SessionId(uuid::Uuid::from_u128(n)) }
}

fn metrics() -> Metrics {
    Metrics::register(&mut Registry::default())
}

/// A gateway that has announced itself with the number 1.
fn known() -> Gateways {
    let mut turn = Turn::new(Gateways::default());
    let mut answer = turn.batch(1, true, &[]);
    let gateways = turn.answer(1);
    assert!(!answer.try_recv().unwrap().announce_first);
    gateways
}

#[test]
fn a_batch_and_its_repeat_in_one_turn_are_one_execution() {
    let mut turn = Turn::new(known());
    let mut first = turn.batch(2, false, &[1, 2]);
    let mut again = turn.batch(2, false, &[1, 2]);
    assert_eq!(turn.inputs.len(), 2);
    turn.answer(2);
    let reply = first.try_recv().unwrap();
    assert_eq!(reply.replies.len(), 2);
    assert_eq!(again.try_recv().unwrap(), reply);
}

#[test]
fn a_repeat_in_a_later_turn_is_answered_as_before() {
    let mut turn = Turn::new(known());
    let mut first = turn.batch(2, false, &[1]);
    let mut later = Turn::new(turn.answer(1));
    let mut again = later.batch(2, false, &[1]);
    assert_eq!(later.inputs, []);
    later.answer(0);
    assert_eq!(again.try_recv().unwrap(), first.try_recv().unwrap());
}

#[test]
fn a_batch_without_all_replies_gets_none_and_is_new_when_it_comes_again() {
    let mut turn = Turn::new(known());
    let mut answer = turn.batch(2, false, &[1, 2, 3]);
    let mut later = Turn::new(turn.answer(2));
    assert!(answer.try_recv().is_err());
    let mut again = later.batch(2, false, &[1, 2, 3]);
    assert_eq!(later.inputs.len(), 3);
    later.answer(3);
    assert_eq!(again.try_recv().unwrap().replies.len(), 3);
}

#[test]
fn an_unknown_gateway_announces_first() {
    let mut turn = Turn::new(Gateways::default());
    let mut answer = turn.batch(7, false, &[1]);
    assert_eq!(turn.inputs, []);
    turn.answer(0);
    assert!(answer.try_recv().unwrap().announce_first);
}

#[test]
fn without_room_commands_are_refused_and_gateways_hear_nothing() {
    let mut turn = Turn::new(known());
    let mut batch = turn.batch(2, false, &[1]);
    let (caller, mut answer) = oneshot::channel();
    turn.targets.take(Work::Command(draining(9), caller), EPOCH, &turn.gateways, &mut turn.inputs);
    turn.targets.refuse_commands(&Rejection::new(Code::StorageFull, "full"));
    turn.answer(0);
    let refused = answer.try_recv().unwrap().unwrap_err();
    assert!(matches!(refused, Unanswered::Refused(rejection) if rejection.code == Code::StorageFull));
    assert!(batch.try_recv().is_err());
}

#[test]
fn a_command_whose_caller_is_gone_is_not_executed() {
    let mut turn = Turn::new(Gateways::default());
    let (caller, answer) = oneshot::channel();
    drop(answer);
    turn.targets.take(Work::Command(draining(9), caller), EPOCH, &turn.gateways, &mut turn.inputs);
    assert_eq!(turn.inputs, []);
}
