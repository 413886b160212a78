//! As much of kustomize as the overlays use: files become a list of objects, and every file is accounted for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::files::{names, root, text, yaml};

/// The file that says what belongs to a folder.
const LIST: &str = "kustomization.yaml";

/// One object and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// The file.
    pub(crate) file: String,
    /// The object.
    pub(crate) value: Value,
}

/// A folder's objects, those of its bases included.
#[derive(Debug, Default)]
pub(crate) struct Built {
    /// Each object.
    pub(crate) objects: Vec<Object>,
    /// `ConfigMap` or `Secret` and name, to the keys.
    pub(crate) generated: BTreeMap<(&'static str, String), BTreeSet<String>>,
    /// Files that nothing names, names that no file has.
    pub(crate) wrong: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct List {
    api_version: String,
    kind: String,
    namespace: String,
    #[serde(default)]
    labels: Vec<Value>,
    resources: Vec<String>,
    #[serde(default)]
    config_map_generator: Vec<Generator>,
    #[serde(default)]
    secret_generator: Vec<Generator>,
    #[serde(default)]
    patches: Vec<Patch>,
    #[serde(default)]
    images: Vec<Image>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Generator {
    name: String,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    envs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Image {
    name: String,
    new_name: Option<String>,
    new_tag: Option<String>,
}

impl Object {
    /// Its kind.
    pub(crate) fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap_or_default()
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.value["metadata"]["name"].as_str().unwrap_or_default()
    }
}

/// Reads a folder and what it builds on.
pub(crate) fn build(folder: &str) -> Built {
    let path = format!("{folder}/{LIST}");
    let list: List = serde_saphyr::from_str(&text(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut built = Built::default();
    let mut used = BTreeSet::from([LIST.to_owned()]);
    if (list.api_version.as_str(), list.kind.as_str(), list.namespace.as_str())
        != ("kustomize.config.k8s.io/v1beta1", "Kustomization", "ukai")
    {
        built.wrong.push(format!("{path}: another kind of file, or another namespace"));
    }
    for label in &list.labels {
        if !label["pairs"].is_object() {
            built.wrong.push(format!("{path}: labels without pairs"));
        }
    }
    for resource in list.resources {
        if resource.starts_with("..") {
            let base = normal(&format!("{folder}/{resource}"));
            let below = build(&base);
            built.objects.extend(below.objects);
            built.generated.extend(below.generated);
            built.wrong.extend(below.wrong);
        } else {
            let file = format!("{folder}/{resource}");
            let objects = yaml(&file).into_iter().map(|value| Object { file: file.clone(), value });
            built.objects.extend(objects);
            used.insert(resource);
        }
    }
    for (kind, generators) in [("ConfigMap", list.config_map_generator), ("Secret", list.secret_generator)] {
        for generator in generators {
            let keys = generator.keys(folder, &mut used);
            built.generated.insert((kind, generator.name), keys);
        }
    }
    for patch in list.patches {
        for value in yaml(&format!("{folder}/{}", patch.path)) {
            built.apply(&path, &value);
        }
        used.insert(patch.path);
    }
    for image in list.images {
        built.set_image(&path, &image);
    }
    let there = names(folder);
    built.wrong.extend(there.difference(&used).map(|file| format!("{path} does not name {file}")));
    built
        .wrong
        .extend(used.difference(&there).map(|file| format!("{path} names {file}, which is not there")));
    built
}

impl Generator {
    fn keys(&self, folder: &str, used: &mut BTreeSet<String>) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for file in &self.files {
            let (key, file) = file.split_once('=').unwrap_or((file, file));
            used.insert(file.to_owned());
            keys.insert(key.to_owned());
        }
        for file in &self.envs {
            used.insert(file.clone());
            let text = text(&format!("{folder}/{file}"));
            keys.extend(text.lines().filter_map(|line| line.split_once('=')).map(|(key, _)| key.to_owned()));
        }
        keys
    }
}

impl Built {
    fn apply(&mut self, path: &str, patch: &Value) {
        let (kind, name) = (&patch["kind"], &patch["metadata"]["name"]);
        let target = self
            .objects
            .iter_mut()
            .find(|object| object.value["kind"] == *kind && object.value["metadata"]["name"] == *name);
        match target {
            Some(object) => merge(&mut object.value, patch, &mut self.wrong),
            None => self.wrong.push(format!("{path}: a patch for {kind} {name}, which is not there")),
        }
    }

    fn set_image(&mut self, path: &str, image: &Image) {
        let mut found = false;
        for object in &mut self.objects {
            for list in ["initContainers", "containers"] {
                let list = object.value.pointer_mut(&format!("/spec/template/spec/{list}"));
                for container in list.and_then(Value::as_array_mut).into_iter().flatten() {
                    let named = container["image"].as_str().unwrap_or_default();
                    if named.split(':').next() == Some(&image.name) {
                        let name = image.new_name.as_deref().unwrap_or(&image.name);
                        let tag = image.new_tag.as_deref().unwrap_or("latest");
                        container["image"] = format!("{name}:{tag}").into();
                        found = true;
                    }
                }
            }
        }
        // An overlay names images by the base's names, which the base has given a tag already.
        if !found {
            self.wrong.push(format!("{path}: no container has the image {}", image.name));
        }
    }
}

/// Strategic merge, as far as it is used: maps are merged, lists of named things by name, null removes, all else is
/// replaced.
fn merge(into: &mut Value, patch: &Value, wrong: &mut Vec<String>) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                if !value.is_null() {
                    merge(into.entry(key).or_insert(Value::Null), value, wrong);
                } else if into.remove(key).is_none() {
                    wrong.push(format!("a patch removes {key}, which is not there"));
                }
            }
        }
        (Value::Array(into), Value::Array(patch)) if patch.iter().all(|item| item["name"].is_string()) => {
            for item in patch {
                match into.iter_mut().find(|have| have["name"] == item["name"]) {
                    Some(have) => merge(have, item, wrong),
                    None => wrong.push(format!("a patch for {}, which is not there", item["name"])),
                }
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

fn normal(path: &str) -> String {
    let whole: PathBuf = root().join(path).canonicalize().unwrap_or_else(|error| panic!("{path}: {error}"));
    whole.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}
