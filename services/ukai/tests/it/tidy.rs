//! The layout's rules: who may import whom, how long a file may be, how it begins, which words it may not hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each crate may depend on of ours. `testkit` is for tests alone, except in `ukai`, whose demo shows its shop.
const MAY_IMPORT: [(&str, &[&str]); 20] = [
    ("artifacts", &["boot"]),
    ("domain", &[]),
    ("extract", &[]),
    ("egress", &[]),
    ("browser", &["egress"]),
    ("boot", &["domain", "wire"]),
    ("socketio", &[]),
    ("wire", &["domain"]),
    ("rpc", &["domain"]),
    ("store", &["domain"]),
    ("bus", &["domain", "rpc"]),
    ("testkit", &["socketio"]),
    // Tests alone: it looks at the files that all of it is deployed with.
    ("deploy-check", &[]),
    ("faults", &["boot", "socketio", "testkit"]),
    ("api", &["artifacts", "domain", "extract", "wire", "rpc", "bus", "store", "boot"]),
    ("gateway", &["domain", "wire", "rpc", "bus", "store", "boot"]),
    ("scheduler", &["domain", "wire", "rpc", "bus", "store", "boot"]),
    ("heartbeat-monitor", &["domain", "rpc", "bus", "store", "boot"]),
    ("worker", &["domain", "wire", "socketio", "extract", "egress", "browser", "boot"]),
    ("ukai", &["*"]),
];

/// Libraries that one crate of ours alone may use; tests may have them as the other side.
const ONE_USER: [(&str, &str); 6] = [
    ("object_store", "artifacts"),
    ("rusqlite", "store"),
    ("tokio-postgres", "store"),
    ("chromiumoxide", "browser"),
    ("async-nats", "bus"),
    ("socketioxide", "gateway"),
];

/// Nothing but tests: it looks at what processes leave behind.
const FROM_OUTSIDE: &str = "faults";

const MAX_LINES: usize = 500;
const MAX_MAIN_LINES: usize = 40;

/// File names that say nothing.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "helpers", "common", "misc", "manager"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Crate name (without `ukai-`) to its folder.
fn crates() -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for part in ["crates", "services"] {
        for entry in fs::read_dir(root().join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.join("Cargo.toml").is_file() {
                found.insert(path.file_name().unwrap().to_string_lossy().into_owned(), path);
            }
        }
    }
    found
}

fn files(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | "node_modules" | "dist" | ".git") {
                files(&path, endings, found);
            }
        } else if path.extension().is_some_and(|e| endings.contains(&e.to_string_lossy().as_ref())) {
            found.push(path);
        }
    }
}

fn sources(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for part in ["crates", "services", "tests-js"] {
        if root().join(part).is_dir() {
            files(&root().join(part), endings, &mut found);
        }
    }
    found
}

fn nothing_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn imports_point_one_way() {
    let mut wrong = Vec::new();
    for (name, folder) in crates() {
        let manifest: toml::Table =
            toml::from_str(&fs::read_to_string(folder.join("Cargo.toml")).unwrap()).unwrap();
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(of, _)| *of == name) else {
            wrong.push(format!("{name} is not in the table of this test"));
            continue;
        };
        let table = |section: &str| {
            manifest.get(section).and_then(toml::Value::as_table).cloned().unwrap_or_default()
        };
        for dependency in table("dependencies").keys() {
            if let Some(ours) = dependency.strip_prefix("ukai-")
                && !allowed.contains(&ours)
                && !allowed.contains(&"*")
            {
                wrong.push(format!("{name} must not import {dependency}"));
            }
        }
        for dependency in table("dependencies").keys() {
            let alone = ONE_USER.iter().find(|(library, _)| library == dependency);
            if let Some((library, user)) = alone
                && *user != name
                && name != FROM_OUTSIDE
            {
                wrong.push(format!("{name} must not use {library}: {user} alone does"));
            }
        }
        if manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool)
            != Some(true)
        {
            wrong.push(format!("{name} does not take the workspace's lints"));
        }
        if !folder.join("README.md").is_file() {
            wrong.push(format!("{name} has no README.md"));
        }
    }
    nothing_wrong(&wrong);
}

#[test]
fn files_are_short_and_say_why_they_exist() {
    let mut wrong = Vec::new();
    for path in sources(&["rs", "js", "ts", "svelte", "sql"]) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{}: {lines} lines, at most {MAX_LINES}", path.display()));
        }
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        if EMPTY_NAMES.contains(&stem.as_str()) {
            wrong.push(format!("{}: a name that doesn't say what it is", path.display()));
        }
        if path.extension().is_some_and(|e| e == "rs") {
            let begins = text.trim_start();
            if !begins.starts_with("//!") && !begins.starts_with("#![doc") {
                wrong.push(format!("{}: doesn't begin with why it exists", path.display()));
            }
            if stem == "main" && path.parent().is_some_and(|p| p.ends_with("src")) && lines > MAX_MAIN_LINES {
                wrong.push(format!("{}: {lines} lines, at most {MAX_MAIN_LINES}", path.display()));
            }
        }
    }
    nothing_wrong(&wrong);
}

#[test]
fn nothing_is_left_open() {
    // Written apart, so that this file doesn't hold them.
    let words =
        [["TO", "DO"], ["FIX", "ME"], ["X", "XX "], ["#[ign", "ore"], ["unimple", "mented!"], ["/wo", "rk/"]];
    let words = words.map(|parts| parts.concat());
    let mut wrong = Vec::new();
    let mut paths = sources(&["rs", "js", "ts", "svelte", "sql", "toml", "md", "proto"]);
    for file in ["Makefile", "README.md", "Cargo.toml", "clippy.toml", "deny.toml"] {
        paths.push(root().join(file));
    }
    files(&root().join("docs"), &["md"], &mut paths);
    files(&root().join("scripts"), &["sh"], &mut paths);
    for path in paths {
        let text = fs::read_to_string(&path).unwrap_or_default();
        for (n, line) in (1..).zip(text.lines()) {
            if let Some(word) = words.iter().find(|word| line.contains(word.as_str())) {
                wrong.push(format!("{}:{n}: {word}", path.display()));
            }
        }
    }
    nothing_wrong(&wrong);
}

#[test]
fn documents_name_files_that_exist() {
    let mut documents = vec![root().join("README.md")];
    files(&root().join("docs"), &["md"], &mut documents);
    let mut wrong = Vec::new();
    let mut named = 0;
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for word in text.split(['`', '(', ')', ' ', '\n']) {
            let path = word.trim_start_matches("../");
            let path = path.split_once('#').map_or(path, |(file, _heading)| file);
            let ours =
                ["crates/", "services/", "proto/", "docs/"].iter().any(|folder| path.starts_with(folder));
            let file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
            if ours && file {
                named += 1;
                if !root().join(path).is_file() {
                    wrong.push(format!("{}: there is no {path}", document.display()));
                }
            }
        }
    }
    assert!(named > 20, "the documents name {named} files: are they read at all?");
    nothing_wrong(&wrong);
}

#[test]
fn readmes_name_files_of_their_crate() {
    let mut wrong = Vec::new();
    let mut named = 0;
    for (name, folder) in crates() {
        let text = fs::read_to_string(folder.join("README.md")).unwrap();
        for word in text.split('`').skip(1).step_by(2) {
            let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            if !is_plain || word.starts_with('/') || !(word.ends_with(".rs") || word.ends_with('/')) {
                continue;
            }
            named += 1;
            if ![folder.join("src"), folder.clone(), root()].iter().any(|at| at.join(word).exists()) {
                wrong.push(format!("{name}: there is no {word}"));
            }
        }
    }
    assert!(named > 15, "the READMEs name {named} files: are they read at all?");
    nothing_wrong(&wrong);
}
