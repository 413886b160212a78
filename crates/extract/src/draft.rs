//! A record in the making: the first layer that knows a field wins, and each field remembers its layer.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::extraction::{Layer, Source};

/// Fields with their sources.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    fields: Map<String, Value>,
    sources: BTreeMap<String, Source>,
    sealed: Vec<String>,
}

impl Draft {
    /// Sets the field unless it is set, sealed, or the value says nothing. Says whether it was taken.
    pub(crate) fn offer(
        &mut self,
        field: &str,
        value: impl Into<Value>,
        layer: Layer,
        confidence: f64,
        rule: &str,
    ) -> bool {
        if self.has(field) || self.is_sealed(field) {
            return false;
        }
        self.set(field, value, layer, confidence, rule)
    }

    /// Sets the field whatever it was, unless the value says nothing.
    pub(crate) fn set(
        &mut self,
        field: &str,
        value: impl Into<Value>,
        layer: Layer,
        confidence: f64,
        rule: &str,
    ) -> bool {
        let value = value.into();
        if is_nothing(&value) {
            return false;
        }
        let rule = rule.chars().take(160).collect();
        self.fields.insert(field.to_owned(), value);
        self.sources.insert(field.to_owned(), Source { layer, confidence, rule });
        true
    }

    /// Writes the field's value in another form; its source stays.
    pub(crate) fn change(&mut self, field: &str, value: impl Into<Value>) {
        if let Some(known) = self.fields.get_mut(field) {
            *known = value.into();
        }
    }

    /// Forgets a field.
    pub(crate) fn drop(&mut self, field: &str) {
        self.fields.remove(field);
        self.sources.remove(field);
    }

    /// No further layer may fill the field.
    pub(crate) fn seal(&mut self, field: &str) {
        self.sealed.push(field.to_owned());
    }

    /// Whether the field is sealed.
    pub(crate) fn is_sealed(&self, field: &str) -> bool {
        self.sealed.iter().any(|sealed| sealed == field)
    }

    /// Whether the field is set.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Whether a layer may still fill the field.
    pub(crate) fn lacks(&self, field: &str) -> bool {
        !self.has(field) && !self.is_sealed(field)
    }

    /// The field's value.
    pub(crate) fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field)
    }

    /// The field as text.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.get(field).and_then(Value::as_str)
    }

    /// The field as a number.
    pub(crate) fn number(&self, field: &str) -> Option<f64> {
        self.get(field).and_then(Value::as_f64)
    }

    /// The layer that set the field.
    pub(crate) fn layer(&self, field: &str) -> Option<Layer> {
        self.sources.get(field).map(|source| source.layer)
    }

    /// The record with all the named fields in their order (absent ones `null`), then the rest, and the sources.
    pub(crate) fn finish(mut self, named: &[&str]) -> (Value, BTreeMap<String, Source>) {
        let mut record = Map::new();
        for field in named {
            record.insert((*field).to_owned(), self.fields.remove(*field).unwrap_or(Value::Null));
        }
        record.extend(self.fields);
        (Value::Object(record), self.sources)
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(many) => many.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}
