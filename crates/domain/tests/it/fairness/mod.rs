//! Order and fairness as properties: who is next, whatever the sizes, weights and times.

mod joining;
mod order;
mod windows;

use crate::kit::{Kit, completed};
use ukai_domain::scheduler::{Input, PushMessage, Report};
use ukai_domain::{JobId, Run, SessionId, Settings, TaskId};

/// One hand-out as its worker saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HandedOut {
    task: TaskId,
    run: Run,
    session: SessionId,
    job: JobId,
    host: String,
    priority: u8,
}

/// One worker that completes each page at once: the hand-outs form one line.
struct Line {
    kit: Kit,
    seen: usize,
    out: Option<HandedOut>,
}

impl Line {
    fn new(settings: Settings) -> Self {
        let mut kit = Kit::unchecked(settings);
        kit.connected();
        Self { kit, seen: 0, out: None }
    }

    /// The next hand-out since the last call, if there was one.
    fn news(&mut self) -> Option<HandedOut> {
        let news =
            self.kit.pushes[self.seen..].iter().enumerate().find_map(|(n, push)| match &push.message {
                PushMessage::Assigned { body, run, .. } => Some((
                    n,
                    HandedOut {
                        task: body.id,
                        run: *run,
                        session: push.session,
                        job: body.job,
                        host: body.lane.host.to_string(),
                        priority: body.priority,
                    },
                )),
                _ => None,
            });
        match news {
            Some((n, handed_out)) => {
                self.seen += n + 1;
                self.out = Some(handed_out.clone());
                Some(handed_out)
            }
            None => {
                self.seen = self.kit.pushes.len();
                None
            }
        }
    }

    /// Ends what is out.
    fn complete(&mut self) {
        if self.seen < self.kit.pushes.len() {
            self.news();
        }
        if let Some(out) = self.out.take() {
            let HandedOut { session, task, run, .. } = out;
            self.kit.ask(Input::Report(Report { session, task, run: Some(run), word: completed() })).unwrap();
        }
    }

    /// Ends what is out and waits for the next hand-out; `None` where nothing is left.
    fn next(&mut self) -> Option<HandedOut> {
        if let Some(news) = self.news() {
            return Some(news);
        }
        self.complete();
        for _ in 0..20 {
            if let Some(news) = self.news() {
                return Some(news);
            }
            let at = self.kit.state.next_timer()?;
            self.kit.pass(at.since(self.kit.now));
        }
        None
    }

    fn take(&mut self, n: usize) -> Vec<HandedOut> {
        std::iter::from_fn(|| self.next()).take(n).collect()
    }

    fn rest(&mut self) -> Vec<HandedOut> {
        let rest = self.take(usize::MAX);
        self.kit.check();
        rest
    }
}

fn jobs(line: &[HandedOut]) -> Vec<JobId> {
    line.iter().map(|h| h.job).collect()
}
