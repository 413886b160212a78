//! One commit, one transaction, two round trips: the fence with the commit's name and all rows, each group of them in
//! its own file; then, where every count is right, the end.

mod batch;
mod delayed;
mod done;
mod event;
mod expansion;
mod idempotency;
mod job;
mod lane;
mod lease;
mod moves;
mod param;
mod ready;
mod run;
mod task;
mod worker;

use super::failure::Failure;
use super::session::Session;
use crate::Applied;
pub(super) use param::{columns, with_alike};

use batch::{Batch, Ran, Rows, number, params};
use ukai_domain::scheduler::Commit;

/// The fence, then the name. It is inserted, never looked for: where it is there already, or comes there while this
/// waits for it, an earlier sending was applied. A successor of this leader waits for the lock, or this for its.
const NAME: &str = "WITH mine AS (SELECT 1 FROM leader WHERE one AND epoch = $1 AND epoch > 0 FOR KEY SHARE)
    INSERT INTO commit_log (epoch, n, last_event, now) SELECT $1, $2, $3, $4 FROM mine ON CONFLICT DO NOTHING";

/// Applies `commit` whole or not at all. `gather_every` is [`super::Options::gather_every`].
pub(super) async fn commit(
    session: &Session,
    commit: &Commit,
    gather_every: u64,
) -> Result<Applied, Failure> {
    fail::fail_point!("postgres-before-begin");
    let mut batch = Batch::default();
    name(&mut batch, commit)?;
    write(&mut batch, commit, gather_every)?;
    match batch.run(session).await? {
        Ran::Open => {}
        Ran::Unnamed => return unnamed(session, commit).await,
    }
    fail::fail_point!("postgres-before-commit");
    session.batch("COMMIT").await?;
    fail::fail_point!("postgres-committed");
    Ok(Applied::Now)
}

fn name(batch: &mut Batch<'_>, commit: &Commit) -> Result<(), Failure> {
    let row = params![
        number("epoch", commit.id.epoch)?,
        number("commit", commit.id.n)?,
        number("event", commit.last_event)?,
        commit.now.0,
    ];
    batch.add("name a commit", NAME, Rows::Name, row);
    Ok(())
}

/// No name was written: either this leader is deposed, or the name is there.
async fn unnamed(session: &Session, commit: &Commit) -> Result<Applied, Failure> {
    super::leader::check(session, commit.id.epoch).await?;
    let key = (number("epoch", commit.id.epoch)?, number("commit", commit.id.n)?);
    let named =
        session.row("SELECT 1 FROM commit_log WHERE epoch = $1 AND n = $2", &[&key.0, &key.1]).await?;
    // The fence was passed only now: the first look met a leader row that was being changed.
    named.map(|_| Applied::Before).ok_or_else(|| Failure::Away("the leader row was being changed".to_owned()))
}

fn write<'c>(batch: &mut Batch<'c>, commit: &'c Commit, gather_every: u64) -> Result<(), Failure> {
    job::put(batch, &commit.jobs)?;
    task::insert(batch, &commit.tasks);
    moves::apply(batch, &commit.moves)?;
    expansion::apply(batch, commit)?;
    run::append(batch, &commit.runs)?;
    job::count(batch, &commit.counts);
    let gather = commit.id.n.is_multiple_of(gather_every.max(1));
    if gather || !commit.deleted_jobs.is_empty() {
        job::fold(batch);
    }
    expansion::forget(batch, &commit.deleted_jobs);
    job::delete(batch, &commit.deleted_jobs);
    event::append(batch, &commit.events)?;
    if gather {
        event::list(batch, commit.last_event)?;
    }
    worker::put(batch, &commit.workers)?;
    worker::delete(batch, &commit.deleted_workers);
    lane::put(batch, &commit.lanes);
    lane::put_hosts(batch, &commit.hosts);
    idempotency::remember(batch, &commit.idempotency);
    Ok(())
}

/// What runs for every task, with its plan asserted at a million rows.
#[cfg(test)]
pub(super) fn statements() -> Vec<&'static str> {
    vec![
        NAME,
        ready::LEAVE,
        ready::STAY,
        event::LIST,
        delayed::LEAVE,
        delayed::STAY,
        lease::LEAVE,
        lease::STAY,
        done::LEAVE,
        done::STAY,
        run::PURGE,
        task::PURGE,
        task::PURGE_ARTIFACTS,
        expansion::LEAVE,
        expansion::DROP,
        expansion::LEFT,
        expansion::FORGET,
    ]
}
