//! The statements of one commit: each over arrays, all sent at once, each with the number of rows that it must change.
//!
//! Arrays become rows by one `unnest` a column in the list of columns: a single one over all of them, as a table,
//! first stores all rows aside (measured: a quarter of the CPU of a commit).

use crate::postgres::columns::get;
use crate::postgres::failure::Failure;
use crate::postgres::session::Session;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// Statements in the order in which the server runs them.
#[derive(Default)]
pub(super) struct Batch<'c> {
    statements: Vec<Planned<'c>>,
}

struct Planned<'c> {
    /// What its errors are called.
    name: &'static str,
    sql: &'static str,
    params: Vec<Param<'c>>,
    rows: Rows,
}

/// How many rows a statement must change.
#[derive(Clone, Copy)]
pub(super) enum Rows {
    /// One, unless the commit may not be written.
    Name,
    /// It may be any number.
    Any,
    /// So many.
    Exactly(usize),
    /// So many; where some are missing, this statement of the same first parameters tells the task of one of them.
    Found(usize, Missing),
}

/// How far a batch came.
pub(super) enum Ran {
    /// Everything is written, and the transaction open.
    Open,
    /// The name was not: nothing is written.
    Unnamed,
}

/// Asks which task has no row.
#[derive(Clone, Copy)]
pub(super) struct Missing {
    pub(super) sql: &'static str,
    pub(super) params: usize,
}

/// The parameters of a statement, one column each.
macro_rules! params {
    ($($column:expr),+ $(,)?) => {
        vec![$($crate::postgres::commit::param::IntoParam::into_param($column)),+]
    };
}
pub(super) use params;

pub(super) use super::param::Param;

impl<'c> Batch<'c> {
    pub(super) fn add(&mut self, name: &'static str, sql: &'static str, rows: Rows, params: Vec<Param<'c>>) {
        self.statements.push(Planned { name, sql, params, rows });
    }

    /// Runs all of it behind `BEGIN`. The transaction stays open where that succeeds, and otherwise is rolled back.
    pub(super) async fn run(&self, session: &Session) -> Result<Ran, Failure> {
        let (mut prepared, mut params) = (Vec::new(), Vec::new());
        for planned in &self.statements {
            let (statement, alike) = session.prepare_alike(planned.sql, planned.alike()).await?;
            prepared.push(statement);
            params.push(planned.values(alike));
        }
        let mut sent: Vec<Sent<'_>> = vec![Box::pin(async { session.batch("BEGIN").await.map(|()| 0) })];
        for (statement, params) in prepared.iter().zip(&params) {
            sent.push(Box::pin(session.send(statement, params)));
        }
        let mut answers = in_order(sent).await.into_iter();
        answers.next().unwrap_or(Ok(0))?;
        let Some((planned, failure)) =
            self.statements.iter().zip(answers).find_map(|(p, a)| Some((p, p.wrong(a)?)))
        else {
            return Ok(Ran::Open);
        };
        // On a broken connection this fails too, and the transaction ends with it.
        session.batch("ROLLBACK").await?;
        match failure {
            Wrong::Unnamed => Ok(Ran::Unnamed),
            Wrong::Failed(failure) => Err(failure.of(planned.name)),
            Wrong::Counted(text) => Err(Failure::Refused(match planned.missing(session).await? {
                Some(task) => format!("{text}: none for {task}"),
                None => text,
            })),
        }
    }
}

type Sent<'s> = Pin<Box<dyn Future<Output = Result<u64, Failure>> + Send + 's>>;

/// Sends all of them before the first answer is waited for.
async fn in_order(mut sent: Vec<Sent<'_>>) -> Vec<Result<u64, Failure>> {
    let mut answers: Vec<Option<Result<u64, Failure>>> = Vec::with_capacity(sent.len());
    poll_fn(|cx| {
        answers.clear();
        for one in &mut sent {
            answers.push(match one.as_mut().poll(cx) {
                Poll::Ready(answer) => Some(answer),
                Poll::Pending => None,
            });
        }
        Poll::Ready(())
    })
    .await;
    let mut all = Vec::with_capacity(sent.len());
    for (one, answer) in sent.into_iter().zip(answers) {
        all.push(match answer {
            Some(answer) => answer,
            None => one.await,
        });
    }
    all
}

enum Wrong {
    Unnamed,
    Failed(Failure),
    Counted(String),
}

impl Planned<'_> {
    /// The columns, by bits from the first on, in which all rows have the same.
    fn alike(&self) -> u32 {
        let alike = (0..32).zip(&self.params).filter(|(_, param)| param.is_alike());
        alike.fold(0, |columns, (at, _)| columns | 1 << at)
    }

    /// The values, of these columns the one that all rows have.
    fn values(&self, alike: u32) -> Vec<&(dyn ToSql + Sync)> {
        (0..32).zip(&self.params).map(|(at, param)| param.value(alike & 1 << at != 0)).collect()
    }

    fn wrong(&self, answer: Result<u64, Failure>) -> Option<Wrong> {
        let wanted = match self.rows {
            Rows::Any => None,
            Rows::Name => Some(1),
            Rows::Exactly(rows) | Rows::Found(rows, _) => Some(rows),
        };
        match (answer, wanted) {
            (Err(failure), _) => Some(Wrong::Failed(failure)),
            (Ok(0), _) if matches!(self.rows, Rows::Name) => Some(Wrong::Unnamed),
            (Ok(rows), Some(wanted)) if usize::try_from(rows) != Ok(wanted) => {
                Some(Wrong::Counted(format!("{}: {rows} rows instead of {wanted}", self.name)))
            }
            (Ok(_), _) => None,
        }
    }

    async fn missing(&self, session: &Session) -> Result<Option<Uuid>, Failure> {
        let Rows::Found(_, Missing { sql, params }) = self.rows else { return Ok(None) };
        let params: Vec<&(dyn ToSql + Sync)> =
            self.params.iter().take(params).map(|p| p.value(false)).collect();
        session.row(sql, &params).await?.map(|row| get(&row, 0)).transpose()
    }
}

/// A number as PostgreSQL keeps it.
pub(super) fn number(what: &str, value: u64) -> Result<i64, Failure> {
    i64::try_from(value).map_err(|_| Failure::Refused(format!("{what} number {value} is too large")))
}

/// A number of runs as PostgreSQL keeps it.
pub(super) fn run_number(run: ukai_domain::Run) -> Result<i32, Failure> {
    i32::try_from(run.0).map_err(|_| Failure::Refused(format!("run number {run} is too large")))
}

/// JSON text of a value of ours.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|e| Failure::Refused(format!("not writable as JSON: {e}")))
}
