//! Who gets which reply, and who none.

use super::*;
use crate::announcements::Part;
use tokio::sync::oneshot::Receiver;
use ukai_boot::Registry;
use ukai_domain::scheduler::{Connect, Identity};
use ukai_domain::{Code, SessionId, WorkerId};

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
        let announced = announce.then(|| Part::new(1, 1).unwrap());
        self.send(seq, announced, sessions.iter().map(|n| draining(*n)).collect())
    }

    fn part(&mut self, seq: u64, number: u32, of: u32, session: u128) -> Receiver<v1::GatewayReply> {
        self.send(seq, Part::new(number, of), vec![Input::Connect(connect(session))])
    }

    fn send(&mut self, seq: u64, announced: Option<Part>, inputs: Vec<Input>) -> Receiver<v1::GatewayReply> {
        let (reply, answer) = oneshot::channel();
        let batch =
            Batch { gateway: GATEWAY, seq, epoch: EPOCH, announced, inputs, traces: Vec::new(), reply };
        self.targets.take(Work::Batch(batch), EPOCH, &mut self.gateways, &mut self.inputs);
        answer
    }

    /// The one announcement that goes into the step.
    fn announced(&self) -> Vec<Connect> {
        let [(_, Input::Announce { gateway: GATEWAY, sessions })] = &self.inputs[..] else {
            panic!("{:?}", self.inputs)
        };
        sessions.clone()
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

fn connect(n: u128) -> Connect {
    Connect {
        session: SessionId(uuid::Uuid::from_u128(n)),
        gateway: GATEWAY,
        identity: Identity::Worker(WorkerId::NIL),
        capacity: 1,
        capabilities: Vec::new(),
        in_flight: None,
    }
}

fn metrics() -> Metrics {
    Metrics::register(&mut Registry::default())
}

/// A gateway that has announced itself with the number 1.
fn known() -> Gateways {
    let mut turn = Turn::new(Gateways::default());
    let mut answer = turn.batch(1, true, &[]);
    let gateways = turn.answer(1);
    let reply = answer.try_recv().unwrap();
    assert!(!reply.announce_first && reply.replies.len() == 1, "one reply to all sessions");
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
fn the_parts_of_an_announcement_are_one_input_with_the_last() {
    let mut gateways = Gateways::default();
    for number in 1..=2 {
        let mut turn = Turn::new(gateways);
        let mut answer = turn.part(u64::from(number), number, 3, number.into());
        assert_eq!(turn.inputs, []);
        gateways = turn.answer(0);
        let reply = answer.try_recv().unwrap();
        assert_eq!((reply.seq, reply.announce_first, reply.replies.len()), (number.into(), false, 0));
    }
    // Part 2 comes again, and then the first one, late: that one waits for nothing.
    let mut turn = Turn::new(gateways);
    let mut again = turn.part(2, 2, 3, 2);
    let mut late = turn.part(1, 1, 3, 1);
    assert_eq!(turn.inputs, []);
    let mut turn = Turn::new(turn.answer(0));
    assert!(!again.try_recv().unwrap().announce_first);
    assert!(late.try_recv().is_err());
    // The gateway is unknown until all is there.
    let mut early = turn.batch(3, false, &[9]);
    let mut turn = Turn::new(turn.answer(0));
    assert!(early.try_recv().unwrap().announce_first);
    let mut answer = turn.part(3, 3, 3, 3);
    assert_eq!(turn.announced(), [connect(1), connect(2), connect(3)]);
    let mut turn = Turn::new(turn.answer(1));
    assert_eq!(answer.try_recv().unwrap().replies.len(), 1);
    let mut again = turn.part(3, 3, 3, 3);
    assert_eq!(turn.inputs, []);
    turn.answer(0);
    assert_eq!(again.try_recv().unwrap().replies.len(), 1);
}

#[test]
fn a_gateway_without_parts_is_answered_for_each_session() {
    let mut turn = Turn::new(Gateways::default());
    let connects = [5, 6, 7].map(|n| Input::Connect(connect(n)));
    let mut answer = turn.send(1, Part::new(0, 0), connects.to_vec());
    assert_eq!(turn.announced().len(), 3);
    turn.answer(1);
    let reply = answer.try_recv().unwrap();
    assert!(reply.replies.len() == 3 && reply.replies.iter().all(|reply| reply.reply.is_some()), "{reply:?}");
}

#[test]
fn a_missing_part_makes_the_gateway_announce_anew() {
    let mut turn = Turn::new(Gateways::default());
    let mut second = turn.part(5, 2, 3, 2);
    let mut turn = Turn::new(turn.answer(0));
    assert!(second.try_recv().unwrap().announce_first);
    // From the start, under new numbers.
    turn.part(6, 1, 2, 1);
    let mut turn = Turn::new(turn.answer(0));
    let mut last = turn.part(7, 2, 2, 2);
    assert_eq!(turn.announced(), [connect(1), connect(2)]);
    // The step breaks: nothing of it is left, and the gateway begins once more.
    let mut turn = Turn::new(turn.answer(0));
    assert!(last.try_recv().is_err());
    let mut again = turn.part(7, 2, 2, 2);
    turn.answer(0);
    assert!(again.try_recv().unwrap().announce_first);
}

#[test]
fn a_new_announcement_takes_the_place_of_one_that_was_begun() {
    let mut turn = Turn::new(Gateways::default());
    turn.part(1, 1, 2, 1);
    let mut turn = Turn::new(turn.answer(0));
    turn.part(2, 1, 2, 7);
    let mut turn = Turn::new(turn.answer(0));
    turn.part(3, 2, 2, 8);
    assert_eq!(turn.announced(), [connect(7), connect(8)]);
}

#[test]
fn what_arrives_after_newer_batches_is_not_executed() {
    let mut turn = Turn::new(known());
    turn.batch(4, false, &[1]);
    let mut late = [turn.batch(3, false, &[2]), turn.batch(1, true, &[])];
    assert_eq!(turn.inputs.len(), 1);
    let mut turn = Turn::new(turn.answer(1));
    let later = [turn.batch(3, false, &[2]), turn.batch(1, true, &[])];
    assert_eq!(turn.inputs, []);
    turn.answer(0);
    assert!(late.iter_mut().chain(&mut later.into_iter().collect::<Vec<_>>()).all(|l| l.try_recv().is_err()));
}

#[test]
fn without_room_commands_are_refused_and_gateways_hear_nothing() {
    let mut turn = Turn::new(known());
    let mut batch = turn.batch(2, false, &[1]);
    let (caller, mut answer) = oneshot::channel();
    turn.targets.take(Work::Command(draining(9), caller, None), EPOCH, &mut turn.gateways, &mut turn.inputs);
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
    turn.targets.take(Work::Command(draining(9), caller, None), EPOCH, &mut turn.gateways, &mut turn.inputs);
    assert_eq!(turn.inputs, []);
}
