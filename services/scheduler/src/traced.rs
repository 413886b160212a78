//! Which traces a commit belongs to, and its span in each of them.

use crate::inbox::Work;
use ukai_boot::trace::{Span, SpanKind, Traceparent, Tracer};
use ukai_domain::TaskId;
use ukai_domain::scheduler::{Commit, Input, State, Word};

/// Spans of one commit at most: a batch of more is a sample of itself.
const MAX_SPANS: usize = 256;

/// What stands above the spans of the next commit.
#[derive(Debug, Default)]
pub(crate) struct Traced(Vec<(Traceparent, Option<TaskId>)>);

impl Traced {
    /// Another turn begins.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Notes the submission or the results of a work that are traced. What a gateway doesn't know any more of a run's
    /// trace, the run's task does.
    pub(crate) fn note(&mut self, work: &Work, state: &State) {
        match work {
            Work::Command(Input::Submit(submit), ..) => self.add(submit.trace.as_ref(), None),
            Work::Command(..) | Work::News(_) => {}
            Work::Batch(batch) => {
                let mut told = batch.traces.iter().peekable();
                for (at, input) in batch.inputs.iter().enumerate() {
                    let of_gateway = told.next_if(|(of, _)| *of == at).map(|(_, place)| place);
                    let Input::Report(report) = input else { continue };
                    if !matches!(report.word, Word::Started) {
                        self.add(of_gateway.or_else(|| state.trace(report.task)), Some(report.task));
                    }
                }
            }
        }
    }

    fn add(&mut self, place: Option<&Traceparent>, task: Option<TaskId>) {
        if let Some(place) = place
            && self.0.len() < MAX_SPANS
        {
            self.0.push((place.clone(), task));
        }
    }

    /// Begins the commit's spans, if it writes anything.
    pub(crate) fn begin(&mut self, tracer: &Tracer, commit: &Commit) -> Vec<Span> {
        if commit.is_empty() {
            return Vec::new();
        }
        let spans = self.0.drain(..).map(|(place, task)| {
            let mut span = tracer.child(Some(&place), SpanKind::Internal, "commit");
            span.set("commit.epoch", number(commit.id.epoch));
            span.set("commit.n", number(commit.id.n));
            span.set("commit.rows", number((commit.moves.len() + commit.tasks.len()) as u64));
            if let Some(task) = task {
                span.set("task.id", task.to_string());
            }
            span
        });
        spans.collect()
    }
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
