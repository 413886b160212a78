//! Files of a page: its picture and its HTML, kept in the state folder and named in the report.

use std::{fs, io, path::Path};

use serde_json::{Value, json};

/// Writes one file; returns its entry for the report. The name is made of letters of the task's id alone, whatever the
/// server sent.
pub(crate) fn keep(
    folder: &Path,
    (task_id, run): (&str, Option<u32>),
    (kind, extension, content_type): (&str, &str, &str),
    bytes: &[u8],
) -> io::Result<Value> {
    fs::create_dir_all(folder)?;
    let safe: String = task_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect();
    let path = folder.join(format!("{safe}-{}.{extension}", run.unwrap_or(0)));
    fs::write(&path, bytes)?;
    let path = path.canonicalize().unwrap_or(path);
    Ok(json!({
        "kind": kind,
        "path": path.to_string_lossy(),
        "contentType": content_type,
        "bytes": bytes.len(),
    }))
}

#[cfg(test)]
mod tests {
    use super::keep;

    #[test]
    fn a_hostile_id_names_no_other_folder() {
        let folder = tempfile::tempdir().unwrap();
        let picture = ("screenshot", "png", "image/png");
        let entry = keep(folder.path(), ("../../etc/x", Some(2)), picture, b"png").unwrap();
        let path = std::path::PathBuf::from(entry["path"].as_str().unwrap());
        assert_eq!(path.file_name().unwrap(), "etcx-2.png");
        assert_eq!(std::fs::read(path).unwrap(), b"png");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
