//! Screenshots and pages of a task, from the server into a folder.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::client::{Client, segment};
use crate::exit::Failure;

/// Copies the files of a task's newest run that brought any; where they lie, in the order of their arrival.
///
/// # Errors
/// The server has no such task or file, or the folder can't be written.
pub(crate) async fn fetch(client: &Client, task: &str, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let list = client.get(&format!("api/tasks/{}/artifacts?limit=100", segment(task))).await?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let newest = items.iter().filter_map(|item| item["run"].as_u64()).max();
    let mut paths = Vec::new();
    for item in items.iter().rev().filter(|item| item["run"].as_u64() == newest) {
        let id = item["id"].as_str().unwrap_or_default();
        let bytes = client.bytes(&format!("api/artifacts/{}", segment(id))).await?;
        std::fs::create_dir_all(folder)?;
        let mut path = folder.join(name(task, item, None));
        if paths.contains(&path) {
            path = folder.join(name(task, item, Some(id)));
        }
        std::fs::write(&path, bytes)
            .map_err(|error| Failure::failed(format!("can't write {}: {error}", path.display())))?;
        paths.push(path);
    }
    Ok(paths)
}

/// Made of plain letters, whatever a worker called it.
fn name(task: &str, item: &Value, id: Option<&str>) -> String {
    let plain = |text: &str| {
        text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect::<String>()
    };
    let ending = match item["contentType"].as_str().and_then(|kind| kind.split(';').next()) {
        Some("image/png") => "png",
        Some("image/webp") => "webp",
        Some("image/jpeg") => "jpg",
        Some("text/html") => "html",
        _ => "bin",
    };
    let kind = plain(item["kind"].as_str().unwrap_or("file"));
    let id = id.map(|id| format!("-{}", plain(id))).unwrap_or_default();
    format!("{}-{}-{kind}{id}.{ending}", plain(task), item["run"].as_u64().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::name;
    use serde_json::json;

    #[test]
    fn names_are_plain() {
        let item = json!({"run": 2, "kind": "screenshot", "contentType": "image/webp", "name": "../../x"});
        assert_eq!(name("0198c0de-1", &item, None), "0198c0de-1-2-screenshot.webp");
        let hostile = json!({"run": 1, "kind": "../x", "contentType": "text/html; charset=utf-8"});
        assert_eq!(name("../../etc", &hostile, Some("a/b")), "etc-1-x-ab.html");
    }
}
