//! Reports that the server has not acknowledged yet: in memory, and on disk so that a killed worker still delivers.
//!
//! The file is a journal of JSON lines, `add` and `done`. A line that can't be read (a cut tail, a bad disk) is left out
//! and told; it never keeps the worker from starting. The journal is written anew when most of it is history.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ukai_boot::trace::Traceparent;

/// More waiting reports than this: the oldest is given up, and said so.
const MOST: usize = if cfg!(test) { 50 } else { 1_000 };
/// More bytes than this: the same.
const MOST_BYTES: usize = if cfg!(test) { 100_000 } else { 64 << 20 };
/// Lines of history before the journal is written anew.
const HISTORY: usize = if cfg!(test) { 100 } else { 2_000 };

/// One report.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) event: String,
    pub(crate) task_id: String,
    pub(crate) run: Option<u32>,
    pub(crate) payload: Box<RawValue>,
    /// Where its run stands in a trace; not kept over a restart.
    #[serde(skip)]
    pub(crate) trace: Option<Traceparent>,
}

impl Report {
    fn is(&self, task_id: &str, run: Option<u32>) -> bool {
        self.task_id == task_id && self.run == run
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line<'a> {
    Add(std::borrow::Cow<'a, Report>),
    #[serde(rename_all = "camelCase")]
    Done {
        task_id: String,
        run: Option<u32>,
    },
}

/// The waiting reports, oldest first.
#[derive(Debug)]
pub(crate) struct Outbox {
    path: PathBuf,
    file: File,
    waiting: VecDeque<Report>,
    history: usize,
    /// Something is in memory that the disk does not have.
    unsaved: bool,
}

impl Outbox {
    /// Opens the journal at `path`; what an earlier worker left waits again. Returns how many lines were unreadable.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, usize)> {
        let mut waiting = VecDeque::new();
        let mut unreadable = 0;
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(file) => {
                for line in BufReader::new(file).split(b'\n') {
                    let line = line?;
                    match serde_json::from_slice(&line) {
                        Ok(Line::Add(report)) => waiting.push_back(report.into_owned()),
                        Ok(Line::Done { task_id, run }) => waiting.retain(|report| !report.is(&task_id, run)),
                        Err(_) if line.is_empty() => {}
                        Err(_) => unreadable += 1,
                    }
                }
            }
        }
        // On a full disk the old journal serves on; it is written anew when there is room.
        let (file, unsaved) = match rewrite(path, &waiting) {
            Ok(file) => (file, false),
            Err(error) if is_full(&error) => {
                tracing::error!(%error, "the outbox can't be written anew");
                (OpenOptions::new().append(true).create(true).open(path)?, true)
            }
            Err(error) => return Err(error),
        };
        Ok((Self { path: path.to_owned(), file, waiting, history: 0, unsaved }, unreadable))
    }

    /// Keeps a report; it is on disk when this returns. On a full disk it is still kept in memory, with the error.
    pub(crate) fn add(&mut self, report: Report) -> io::Result<()> {
        self.waiting.retain(|known| !known.is(&report.task_id, report.run));
        let weight = |report: &Report| report.payload.get().len();
        let mut bytes = weight(&report) + self.waiting.iter().map(weight).sum::<usize>();
        while (self.waiting.len() >= MOST || bytes > MOST_BYTES)
            && let Some(lost) = self.waiting.pop_front()
        {
            bytes -= weight(&lost);
            tracing::error!(
                task.id = lost.task_id,
                run = lost.run,
                "the outbox is full, its oldest report is given up"
            );
        }
        let written = self.append(&Line::Add(std::borrow::Cow::Borrowed(&report)));
        self.unsaved |= written.is_err();
        self.waiting.push_back(report);
        written
    }

    /// The server has the report: it is neither held nor on disk when this returns.
    pub(crate) fn done(&mut self, task_id: &str, run: Option<u32>) {
        if self.forget(task_id, run) {
            self.note(task_id, run);
        }
    }

    /// Lets go of a report without a look at the disk, where its line is still to be noted. Whether it was held.
    pub(crate) fn forget(&mut self, task_id: &str, run: Option<u32>) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|report| !report.is(task_id, run));
        self.waiting.len() < before
    }

    /// Writes that a report was let go of. A line that can't be written only means one more repeat after a restart.
    pub(crate) fn note(&mut self, task_id: &str, run: Option<u32>) {
        let line = Line::Done { task_id: task_id.to_owned(), run };
        let written = if self.history >= HISTORY {
            rewrite(&self.path, &self.waiting).map(|file| {
                self.file = file;
                self.history = 0;
            })
        } else {
            self.append(&line)
        };
        if let Err(error) = written {
            self.unsaved = true;
            tracing::warn!(%error, "the outbox can't be written");
        }
    }

    /// Whether something is in memory alone.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.unsaved
    }

    /// Tries again to write what is in memory alone.
    pub(crate) fn save(&mut self) -> io::Result<()> {
        if self.unsaved {
            self.file = rewrite(&self.path, &self.waiting)?;
            self.history = 0;
            self.unsaved = false;
        }
        Ok(())
    }

    /// The reports that wait, oldest first.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Report> {
        self.waiting.iter()
    }

    fn append(&mut self, line: &Line<'_>) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        // A line of its own even behind a tail that a full disk cut.
        bytes.insert(0, b'\n');
        bytes.push(b'\n');
        self.file.write_all(&bytes)?;
        self.history += 1;
        self.file.sync_data()
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// Writes the journal anew with the waiting reports alone, and opens it for appending.
fn rewrite(path: &Path, waiting: &VecDeque<Report>) -> io::Result<File> {
    let fresh = path.with_extension("new");
    // A half of it would only take the room that is missing.
    write(&fresh, waiting).inspect_err(|_| drop(fs::remove_file(&fresh)))?;
    fs::rename(&fresh, path)?;
    // The new name outlives a loss of power only with its folder.
    if cfg!(unix)
        && let Some(folder) = path.parent()
    {
        File::open(folder)?.sync_all()?;
    }
    OpenOptions::new().append(true).open(path)
}

fn write(fresh: &Path, waiting: &VecDeque<Report>) -> io::Result<()> {
    let mut file = File::create(fresh)?;
    for report in waiting {
        let mut line = serde_json::to_vec(&Line::Add(std::borrow::Cow::Borrowed(report)))?;
        line.push(b'\n');
        file.write_all(&line)?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use serde_json::value::RawValue;

    use super::{HISTORY, MOST, Outbox, Report};

    fn report(task: &str, run: u32) -> Report {
        let payload =
            RawValue::from_string(format!("{{\"taskId\":\"{task}\",\"text\":\"line\\nbreak\"}}")).unwrap();
        Report {
            event: "task:completed".to_owned(),
            task_id: task.to_owned(),
            run: Some(run),
            payload,
            trace: None,
        }
    }

    fn waiting(outbox: &Outbox) -> Vec<(String, Option<u32>)> {
        outbox.waiting().map(|report| (report.task_id.clone(), report.run)).collect()
    }

    #[test]
    fn reports_survive_a_restart_until_they_are_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.jsonl");
        let (mut outbox, _) = Outbox::open(&path).unwrap();
        for (task, run) in [("a", 1), ("b", 1), ("c", 2)] {
            outbox.add(report(task, run)).unwrap();
        }
        outbox.done("b", Some(1));
        outbox.done("c", Some(1));
        drop(outbox);
        let (outbox, unreadable) = Outbox::open(&path).unwrap();
        assert_eq!(waiting(&outbox), [("a".to_owned(), Some(1)), ("c".to_owned(), Some(2))]);
        assert_eq!(unreadable, 0);
        assert_eq!(outbox.waiting().next().unwrap().payload.get(), report("a", 1).payload.get());
    }

    #[test]
    fn a_corrupt_tail_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.jsonl");
        let (mut outbox, _) = Outbox::open(&path).unwrap();
        outbox.add(report("a", 1)).unwrap();
        outbox.add(report("b", 1)).unwrap();
        drop(outbox);
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let (outbox, _) = Outbox::open(&path).unwrap();
            assert!(waiting(&outbox).len() <= 2);
        }
        fs::write(&path, &whole).unwrap();
        fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"add\":{\"ev\xff\x00")
            .unwrap();
        let (mut outbox, unreadable) = Outbox::open(&path).unwrap();
        assert_eq!((waiting(&outbox).len(), unreadable), (2, 1));
        outbox.add(report("c", 1)).unwrap();
        drop(outbox);
        assert_eq!(waiting(&Outbox::open(&path).unwrap().0).len(), 3);
    }

    #[test]
    fn a_full_disk_loses_nothing_and_is_written_when_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.jsonl");
        let (mut outbox, _) = Outbox::open(&path).unwrap();
        outbox.add(report("a", 1)).unwrap();
        // A device that is always full.
        outbox.file = fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
        let error = outbox.add(report("b", 1)).unwrap_err();
        assert!(super::is_full(&error), "{error}");
        outbox.done("a", Some(1));
        assert!(outbox.is_unsaved());
        assert_eq!(waiting(&outbox), [("b".to_owned(), Some(1))]);
        assert_eq!(
            waiting(&Outbox::open(&path).unwrap().0),
            [("a".to_owned(), Some(1))],
            "the disk is behind"
        );
        outbox.save().unwrap();
        assert!(!outbox.is_unsaved());
        outbox.add(report("c", 1)).unwrap();
        drop(outbox);
        let names = [("b".to_owned(), Some(1)), ("c".to_owned(), Some(1))];
        assert_eq!(waiting(&Outbox::open(&path).unwrap().0), names);
    }

    #[test]
    fn large_reports_are_bounded_together() {
        let folder = tempfile::tempdir().unwrap();
        let (mut outbox, _) = Outbox::open(&folder.path().join("outbox.jsonl")).unwrap();
        for n in 0..10 {
            let payload = RawValue::from_string(format!("\"{}\"", "x".repeat(30_000))).unwrap();
            outbox.add(Report { payload, ..report(&n.to_string(), 1) }).unwrap();
        }
        let left: Vec<_> = waiting(&outbox).into_iter().map(|(task, _)| task).collect();
        assert_eq!(left, ["7", "8", "9"]);
    }

    #[test]
    fn a_repeat_replaces_and_both_file_and_memory_stay_small() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.jsonl");
        let (mut outbox, _) = Outbox::open(&path).unwrap();
        outbox.add(report("a", 1)).unwrap();
        outbox.add(report("a", 1)).unwrap();
        assert_eq!(waiting(&outbox).len(), 1);
        for n in 0..MOST {
            outbox.add(report(&n.to_string(), 1)).unwrap();
        }
        assert_eq!(waiting(&outbox).len(), MOST);
        assert_eq!(waiting(&outbox)[0].0, "0", "the oldest went");
        for n in 0..MOST {
            outbox.done(&n.to_string(), Some(1));
        }
        for _ in 0..HISTORY {
            outbox.add(report("x", 1)).unwrap();
            outbox.done("x", Some(1));
        }
        assert!(fs::read_to_string(&path).unwrap().lines().count() < 3 * HISTORY);
    }
}
