//! The tree: nodes in document order, each with the end of its subtree.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use super::entities::decode;

/// An index into the document's nodes; 0 is the document itself.
pub(crate) type NodeId = u32;

/// A parsed page.
pub(crate) struct Document<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) attrs: Vec<Attr<'a>>,
    pub(super) index: OnceCell<Index<'a>>,
}

pub(super) struct Node<'a> {
    pub(super) parent: NodeId,
    /// The first node that is not in this node's subtree.
    pub(super) end: NodeId,
    pub(super) data: Data<'a>,
}

pub(super) enum Data<'a> {
    Document,
    Element(Element<'a>),
    /// `raw`: as in a script, where entities mean nothing.
    Text {
        text: &'a str,
        raw: bool,
    },
}

pub(super) struct Element<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) id: &'a str,
    pub(super) class: &'a str,
    pub(super) attrs: (u32, u32),
}

pub(super) struct Attr<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

/// Elements by id, by class and by name.
#[derive(Default)]
pub(super) struct Index<'a> {
    pub(super) ids: HashMap<&'a str, Vec<NodeId>>,
    pub(super) classes: HashMap<&'a str, Vec<NodeId>>,
    pub(super) names: HashMap<String, Vec<NodeId>>,
}

impl<'a> Document<'a> {
    /// The document's node.
    pub(crate) const ROOT: NodeId = 0;

    pub(super) fn node(&self, id: NodeId) -> &Node<'a> {
        &self.nodes[(id as usize).min(self.nodes.len() - 1)]
    }

    pub(super) fn element(&self, id: NodeId) -> Option<&Element<'a>> {
        match &self.node(id).data {
            Data::Element(element) => Some(element),
            Data::Document | Data::Text { .. } => None,
        }
    }

    /// The element's name in lower case; empty for what is no element.
    pub(crate) fn name(&self, id: NodeId) -> &str {
        self.element(id).map_or("", |element| element.name.as_ref())
    }

    /// The attribute's value, decoded.
    pub(crate) fn attr(&self, id: NodeId, name: &str) -> Option<Cow<'a, str>> {
        self.raw_attr(id, name).map(|value| decode(value, true))
    }

    /// The attribute's value as written.
    pub(super) fn raw_attr(&self, id: NodeId, name: &str) -> Option<&'a str> {
        let (from, to) = self.element(id)?.attrs;
        let attrs = self.attrs.get(from as usize..to as usize)?;
        attrs.iter().find(|attr| attr.name.eq_ignore_ascii_case(name)).map(|attr| attr.value)
    }

    /// Whether the element has the attribute, with any value.
    pub(crate) fn has_attr(&self, id: NodeId, name: &str) -> bool {
        self.raw_attr(id, name).is_some()
    }

    /// Whether the element's class list holds the word.
    pub(crate) fn has_class(&self, id: NodeId, word: &str) -> bool {
        self.element(id)
            .is_some_and(|element| element.class.split_ascii_whitespace().any(|class| class == word))
    }

    /// The class attribute as written.
    pub(crate) fn class(&self, id: NodeId) -> &'a str {
        self.element(id).map_or("", |element| element.class)
    }

    /// The id attribute as written.
    pub(crate) fn id(&self, id: NodeId) -> &'a str {
        self.element(id).map_or("", |element| element.id)
    }

    /// The node's parent; `None` at the root.
    pub(crate) fn parent(&self, id: NodeId) -> Option<NodeId> {
        (id != Self::ROOT).then(|| self.node(id).parent)
    }

    /// The node's parents, nearest first, without the root.
    pub(crate) fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(self.parent(id), |id| self.parent(*id)).take_while(|id| *id != Self::ROOT)
    }

    /// The first node after the subtree of `id`.
    pub(crate) fn end(&self, id: NodeId) -> NodeId {
        self.node(id).end
    }

    /// Whether `inner` lies in the subtree of `outer` (a node lies in its own).
    pub(crate) fn contains(&self, outer: NodeId, inner: NodeId) -> bool {
        outer <= inner && inner < self.end(outer)
    }

    /// All elements below `scope`, in document order.
    pub(crate) fn elements(&self, scope: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        (scope + 1..self.end(scope)).filter(|id| self.element(*id).is_some())
    }

    /// The element children.
    pub(crate) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let end = self.end(id);
        let first = (id + 1 < end).then_some(id + 1);
        std::iter::successors(first, move |child| Some(self.end(*child)).filter(|next| *next < end))
            .filter(|child| self.element(*child).is_some())
    }

    /// A text node's text, decoded.
    pub(crate) fn text_of(&self, id: NodeId) -> Option<Cow<'a, str>> {
        match &self.node(id).data {
            Data::Text { text, raw: true } => Some(Cow::Borrowed(text)),
            Data::Text { text, raw: false } => Some(decode(text, false)),
            Data::Document | Data::Element(_) => None,
        }
    }

    /// What a script or style element holds, as written.
    pub(crate) fn raw_text(&self, id: NodeId) -> &'a str {
        match self.nodes.get(id as usize + 1).map(|node| &node.data) {
            Some(Data::Text { text, .. }) if id + 1 < self.end(id) => text,
            _ => "",
        }
    }

    /// Number of nodes.
    #[cfg(test)]
    pub(crate) fn len(&self) -> NodeId {
        self.node(Self::ROOT).end
    }

    pub(super) fn index(&self) -> &Index<'a> {
        self.index.get_or_init(|| {
            let mut index = Index::default();
            for id in self.elements(Self::ROOT) {
                let Some(element) = self.element(id) else { continue };
                if !element.id.is_empty() {
                    index.ids.entry(element.id).or_default().push(id);
                }
                for class in element.class.split_ascii_whitespace().take(64) {
                    let with = index.classes.entry(class).or_default();
                    if with.last() != Some(&id) {
                        with.push(id);
                    }
                }
                match index.names.get_mut(element.name.as_ref()) {
                    Some(with) => with.push(id),
                    None => drop(index.names.insert(element.name.to_string(), vec![id])),
                }
            }
            index
        })
    }

    /// All elements of a name, in document order.
    pub(crate) fn named(&self, name: &str) -> &[NodeId] {
        self.index().names.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether there is any markup to speak of; data and pictures have none.
    pub(crate) fn is_html(&self) -> bool {
        ["html", "body", "p", "div", "h1", "title"].iter().any(|name| !self.named(name).is_empty())
    }

    /// The first element with the id.
    pub(crate) fn by_id(&self, id: &str) -> Option<NodeId> {
        self.index().ids.get(id).and_then(|with| with.first()).copied()
    }
}
