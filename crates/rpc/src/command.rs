//! Operators' commands as gRPC carries them.

use crate::malformed::Malformed;
use crate::v1;
use std::sync::Arc;
use ukai_domain::scheduler::{IdempotencyKey, JobRef, NewTask, Submit};
use ukai_domain::{CrawlRules, JobId, JobKind, Timestamp};

/// A submission from the wire. Ranges are checked again: the leader trusts no caller.
pub fn to_submit(request: v1::SubmitTasksRequest) -> Result<Submit, Malformed> {
    use v1::submit_tasks_request::Job;
    let job = match request.job.ok_or(Malformed("job"))? {
        Job::Existing(id) => JobRef::Existing(JobId::from_slice(&id).ok_or(Malformed("job id"))?),
        Job::New(new) => {
            let NewJob { name, kind, weight, crawl } = to_new_job(new)?;
            JobRef::New { name, kind, weight, crawl }
        }
        Job::Implicit(implicit) => JobRef::Implicit {
            id: JobId::from_slice(&implicit.id).ok_or(Malformed("job id"))?,
            name: implicit.name,
        },
    };
    let tasks = request.tasks.into_iter().map(to_task).collect::<Result<_, _>>()?;
    Ok(Submit { job, tasks, idempotency: request.idempotency.map(idempotency), trace: None })
}

/// The inverse of [`to_submit`].
#[must_use]
pub fn from_submit(submit: Submit) -> v1::SubmitTasksRequest {
    use v1::submit_tasks_request::Job;
    let job = match submit.job {
        JobRef::Existing(id) => Job::Existing(id.as_bytes().to_vec()),
        JobRef::New { name, kind, weight, crawl } => Job::New(v1::NewJob {
            name,
            kind: kind.as_str().to_owned(),
            weight,
            crawl: crawl.as_ref().map(crawl_json),
        }),
        JobRef::Implicit { id, name } => Job::Implicit(v1::ImplicitJob { id: id.as_bytes().to_vec(), name }),
    };
    v1::SubmitTasksRequest {
        job: Some(job),
        tasks: submit.tasks.into_iter().map(from_task).collect(),
        idempotency: submit.idempotency.map(|k| v1::Idempotency {
            principal: k.principal,
            route: k.route,
            key: k.key,
            body_hash: k.body_hash,
        }),
    }
}

/// What a new job is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// For people.
    pub name: String,
    /// What makes its tasks.
    pub kind: JobKind,
    /// 1–1000.
    pub weight: u32,
    /// Of crawls alone.
    pub crawl: Option<CrawlRules>,
}

/// A new job from the wire. Rules that can't be run are no rules.
pub fn to_new_job(new: v1::NewJob) -> Result<NewJob, Malformed> {
    let kind = JobKind::parse(&new.kind).ok_or(Malformed("job kind"))?;
    if !(1..=1000).contains(&new.weight) {
        return Err(Malformed("job weight"));
    }
    let crawl = match (new.crawl, kind) {
        (None, _) => None,
        (Some(text), JobKind::Crawl) => Some(to_crawl(&text)?),
        (Some(_), JobKind::Scrape | JobKind::Automation | JobKind::Strategy) => {
            return Err(Malformed("crawl rules of another kind"));
        }
    };
    Ok(NewJob { name: new.name, kind, weight: new.weight, crawl })
}

/// Rules as they go over the wire.
#[must_use]
pub fn crawl_json(rules: &CrawlRules) -> String {
    serde_json::to_string(rules).unwrap_or_else(|_| "{}".to_owned())
}

fn to_crawl(text: &str) -> Result<CrawlRules, Malformed> {
    let rules: CrawlRules = serde_json::from_str(text).map_err(|_| Malformed("crawl rules"))?;
    if rules.faults().is_empty() { Ok(rules) } else { Err(Malformed("crawl rules")) }
}

/// The key of a command that may be repeated.
#[must_use]
pub fn idempotency(i: v1::Idempotency) -> IdempotencyKey {
    IdempotencyKey { principal: i.principal, route: i.route, key: i.key, body_hash: i.body_hash }
}

fn to_task(task: v1::NewTask) -> Result<NewTask, Malformed> {
    let priority = u8::try_from(task.priority).ok().filter(|p| *p <= 100).ok_or(Malformed("priority"))?;
    let max_attempts = u8::try_from(task.max_attempts)
        .ok()
        .filter(|a| (1..=3).contains(a))
        .ok_or(Malformed("max attempts"))?;
    Ok(NewTask {
        kind: Arc::from(task.kind),
        url: task.url,
        host: Arc::from(task.host),
        priority,
        max_attempts,
        timeout_ms: task.timeout_ms,
        options: task.options,
        not_before: task.not_before.map(Timestamp),
    })
}

fn from_task(task: NewTask) -> v1::NewTask {
    v1::NewTask {
        kind: task.kind.to_string(),
        url: task.url,
        host: task.host.to_string(),
        priority: u32::from(task.priority),
        max_attempts: u32::from(task.max_attempts),
        timeout_ms: task.timeout_ms,
        options: task.options,
        not_before: task.not_before.map(|t| t.0),
    }
}

#[cfg(test)]
mod tests {
    use super::{NewJob, crawl_json, from_submit, to_new_job, to_submit};
    use crate::v1;
    use ukai_domain::scheduler::{JobRef, Submit};
    use ukai_domain::{CrawlRules, JobKind, Scope};

    #[test]
    fn a_crawl_comes_through_and_rules_that_cannot_run_do_not() {
        let rules =
            CrawlRules { scope: Scope::Any, include: vec!["/p/*".to_owned()], ..CrawlRules::default() };
        let job =
            JobRef::New { name: "c".to_owned(), kind: JobKind::Crawl, weight: 3, crawl: Some(rules.clone()) };
        let submit = Submit { job, tasks: Vec::new(), idempotency: None, trace: None };
        assert_eq!(to_submit(from_submit(submit.clone())).ok(), Some(submit));
        let new = |kind: &str, crawl: Option<String>| {
            to_new_job(v1::NewJob { name: "c".to_owned(), kind: kind.to_owned(), weight: 1, crawl })
        };
        let want = NewJob { name: "c".to_owned(), kind: JobKind::Crawl, weight: 1, crawl: None };
        assert_eq!(new("crawl", None).ok(), Some(want));
        let endless = CrawlRules { max_pages: u32::MAX, ..rules.clone() };
        for (kind, crawl) in
            [("crawl", crawl_json(&endless)), ("crawl", "{".to_owned()), ("scrape", crawl_json(&rules))]
        {
            assert!(new(kind, Some(crawl.clone())).is_err(), "{kind} {crawl}");
        }
    }
}
