//! What the demo leaves on disk: records as JSON and as CSV, and one picture.

use std::path::PathBuf;

use serde_json::Value;

use super::Folder;
use crate::client::Client;
use crate::exit::Failure;

/// Where it lies.
pub(super) struct Files {
    pub(super) json: PathBuf,
    pub(super) csv: PathBuf,
    pub(super) screenshot: Option<PathBuf>,
}

const COLUMNS: [&str; 10] = [
    "productTitle",
    "price",
    "currency",
    "originalPrice",
    "rating",
    "reviewCount",
    "availability",
    "isAvailable",
    "imageUrls",
    "asin",
];

/// Writes the records of `tasks`.
pub(super) async fn write(folder: &Folder, tasks: &[Value], client: &Client) -> Result<Files, Failure> {
    let json = folder.path().join("records.json");
    let records: Vec<_> = tasks.iter().map(record).collect();
    std::fs::write(&json, format!("{:#}\n", Value::Array(records)))?;
    let csv = folder.path().join("records.csv");
    std::fs::write(&csv, table(tasks)?)?;
    Ok(Files { json, csv, screenshot: picture(folder, tasks, client).await? })
}

fn record(task: &Value) -> Value {
    serde_json::json!({
        "taskId": task["id"],
        "url": task["productUrl"],
        "status": task["status"],
        "workerId": task["workerId"],
        "record": task["result"],
    })
}

fn table(tasks: &[Value]) -> Result<Vec<u8>, Failure> {
    let failed = |error: csv::Error| Failure::failed(format!("can't write the table: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["url", "status"].iter().chain(&COLUMNS)).map_err(failed)?;
    for task in tasks {
        let mut row = vec![cell(&task["productUrl"]), cell(&task["status"])];
        row.extend(COLUMNS.iter().map(|column| cell(&task["result"][*column])));
        writer.write_record(&row).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| Failure::failed(format!("can't write the table: {error}")))
}

/// A spreadsheet takes a cell that starts with one of these for a formula; a quote in front makes it text.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']) => format!("'{text}"),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(" "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// The first picture that the server has, brought here.
async fn picture(folder: &Folder, tasks: &[Value], client: &Client) -> Result<Option<PathBuf>, Failure> {
    let is_picture = |artifact: &Value| artifact["kind"] == "screenshot" && artifact["id"].is_string();
    let with_picture = tasks.iter().find(|task| {
        task["output"]["artifacts"].as_array().is_some_and(|artifacts| artifacts.iter().any(is_picture))
    });
    let Some(id) = with_picture.and_then(|task| task["id"].as_str()) else { return Ok(None) };
    let pictures = crate::files::fetch(client, id, &folder.path().join("screenshots")).await?;
    Ok(pictures.into_iter().next().map(|path| path.canonicalize().unwrap_or(path)))
}

#[cfg(test)]
mod tests {
    use super::table;
    use serde_json::json;

    #[test]
    fn scraped_text_is_no_formula() {
        let task = json!({
            "productUrl": "http://shop/1", "status": "completed",
            "result": { "productTitle": "=HYPERLINK(\"http://x\")", "price": -1.5, "imageUrls": ["a", "b"] },
        });
        let text = String::from_utf8(table(&[task]).unwrap()).unwrap();
        assert!(text.contains("\"'=HYPERLINK(\"\"http://x\"\")\",-1.5,"), "{text}");
        assert!(text.contains(",a b,"), "{text}");
    }
}
