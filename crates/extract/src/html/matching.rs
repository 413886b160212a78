//! Finding elements by selector: candidates by index, tested from right to left.

use std::borrow::Cow;

use super::selector::{AttrTest, Combinator, Compare, Complex, Compound, Pseudo, Selector};
use super::tree::{Document, NodeId};

/// Steps (element tests) that one `select` may take; a selector that needs more finds no more.
const MAX_STEPS: usize = 4_000_000;
/// Text that `:contains` reads of one element.
const MAX_CONTAINS: usize = 4_096;

impl Document<'_> {
    /// All matches below `scope`, in document order.
    pub(crate) fn select(&self, scope: NodeId, selector: &Selector) -> Vec<NodeId> {
        self.find(scope, selector, usize::MAX)
    }

    /// The matches of each of the selector's alternatives, in the order in which they are written.
    pub(crate) fn select_by_choice(&self, scope: NodeId, selector: &Selector) -> Vec<Vec<NodeId>> {
        let mut steps = MAX_STEPS;
        let find = |choice| {
            let mut found = Vec::new();
            self.find_complex(scope, choice, None, usize::MAX, &mut steps, &mut found);
            found
        };
        selector.choices.iter().map(find).collect()
    }

    /// The first match below `scope`.
    pub(crate) fn first(&self, scope: NodeId, selector: &Selector) -> Option<NodeId> {
        self.find(scope, selector, 1).first().copied()
    }

    /// Whether the element itself matches.
    pub(crate) fn matches(&self, id: NodeId, selector: &Selector) -> bool {
        let mut steps = MAX_STEPS;
        selector.choices.iter().any(|choice| self.matches_complex(id, choice, None, &mut steps))
    }

    fn find(&self, scope: NodeId, selector: &Selector, limit: usize) -> Vec<NodeId> {
        let mut steps = MAX_STEPS;
        let mut found = Vec::new();
        for choice in &selector.choices {
            self.find_complex(scope, choice, None, limit, &mut steps, &mut found);
        }
        if selector.choices.len() > 1 {
            found.sort_unstable();
            found.dedup();
            found.truncate(limit);
        }
        found
    }

    fn find_complex(
        &self,
        scope: NodeId,
        choice: &Complex,
        anchor: Option<NodeId>,
        limit: usize,
        steps: &mut usize,
        found: &mut Vec<NodeId>,
    ) {
        let Some((_, last)) = choice.parts.last() else { return };
        let (from, to) = match anchor {
            // `:has(+ b)` looks beside the element, within its parent.
            Some(anchor)
                if choice
                    .parts
                    .first()
                    .is_some_and(|(c, _)| matches!(c, Combinator::Next | Combinator::Later)) =>
            {
                (self.end(anchor), self.parent(anchor).map_or(0, |parent| self.end(parent)))
            }
            _ => (scope + 1, self.end(scope)),
        };
        let before = found.len();
        let index = self.index();
        let by_index = if let Some(id) = &last.id {
            Some(index.ids.get(id.as_str()))
        } else if let Some(class) = last.classes.first() {
            Some(index.classes.get(class.as_str()))
        } else {
            last.name.as_ref().map(|name| index.names.get(name.as_str()))
        };
        let ranges = self.narrow(choice, from, to);
        let mut test = |id: NodeId, steps: &mut usize| {
            if found.len() - before < limit && self.matches_complex(id, choice, anchor, steps) {
                found.push(id);
            }
            *steps > 0 && found.len() - before < limit
        };
        for (from, to) in ranges {
            match by_index {
                Some(candidates) => {
                    let candidates = candidates.map_or(&[][..], Vec::as_slice);
                    let first = candidates.partition_point(|id| *id < from);
                    for id in candidates[first..].iter().take_while(|id| **id < to) {
                        if !test(*id, steps) {
                            return;
                        }
                    }
                }
                None => {
                    for id in (from..to).filter(|id| self.element(*id).is_some()) {
                        if !test(id, steps) {
                            return;
                        }
                    }
                }
            }
        }
    }

    /// The parts of a range in which matches can lie: below the elements whose id the selector names.
    fn narrow(&self, choice: &Complex, from: NodeId, to: NodeId) -> Vec<(NodeId, NodeId)> {
        let hangs_below = |at: usize| {
            choice.parts[at + 1..]
                .iter()
                .all(|(c, _)| matches!(c, Combinator::Child | Combinator::Descendant))
        };
        let named = choice
            .parts
            .iter()
            .enumerate()
            .rev()
            .skip(1)
            .find(|(at, (_, part))| part.id.is_some() && hangs_below(*at));
        let Some((_, (_, part))) = named else { return vec![(from, to)] };
        let holders = part.id.as_ref().and_then(|id| self.index().ids.get(id.as_str()));
        let mut ranges: Vec<(NodeId, NodeId)> = Vec::new();
        for id in holders.map_or(&[][..], Vec::as_slice) {
            let range = ((id + 1).max(from), self.end(*id).min(to));
            let inside_last = ranges.last().is_some_and(|last| range.0 < last.1);
            if range.0 < range.1 && !inside_last {
                ranges.push(range);
            }
        }
        ranges
    }

    fn matches_complex(
        &self,
        id: NodeId,
        choice: &Complex,
        anchor: Option<NodeId>,
        steps: &mut usize,
    ) -> bool {
        self.matches_from(id, choice, choice.parts.len() - 1, anchor, steps)
    }

    /// Whether `id` matches part `at` and what stands left of it. Recursion is bounded by the number of parts.
    fn matches_from(
        &self,
        id: NodeId,
        choice: &Complex,
        at: usize,
        anchor: Option<NodeId>,
        steps: &mut usize,
    ) -> bool {
        if *steps == 0 {
            return false;
        }
        *steps -= 1;
        let (combinator, compound) = &choice.parts[at];
        if !self.matches_compound(id, compound, steps) {
            return false;
        }
        if at == 0 {
            return match (anchor, combinator) {
                (None, _) => true,
                (Some(anchor), Combinator::Descendant) => anchor != id && self.contains(anchor, id),
                (Some(anchor), Combinator::Child) => self.parent(id) == Some(anchor),
                (Some(anchor), Combinator::Next) => self.previous(id) == Some(anchor),
                (Some(anchor), Combinator::Later) => self.parent(id) == self.parent(anchor) && id > anchor,
            };
        }
        match combinator {
            Combinator::Child => {
                self.parent(id).is_some_and(|p| p != 0 && self.matches_from(p, choice, at - 1, anchor, steps))
            }
            Combinator::Descendant => {
                self.ancestors(id).any(|p| self.matches_from(p, choice, at - 1, anchor, steps))
            }
            Combinator::Next => {
                self.previous(id).is_some_and(|p| self.matches_from(p, choice, at - 1, anchor, steps))
            }
            Combinator::Later => self.parent(id).is_some_and(|parent| {
                self.children(parent)
                    .take_while(|s| *s < id)
                    .any(|s| self.matches_from(s, choice, at - 1, anchor, steps))
            }),
        }
    }

    fn previous(&self, id: NodeId) -> Option<NodeId> {
        self.children(self.parent(id)?).take_while(|s| *s < id).last()
    }

    fn matches_compound(&self, id: NodeId, compound: &Compound, steps: &mut usize) -> bool {
        let Some(element) = self.element(id) else { return false };
        compound.name.as_ref().is_none_or(|name| element.name.as_ref() == name)
            && compound.id.as_ref().is_none_or(|wanted| element.id == wanted)
            && compound.classes.iter().all(|class| self.has_class(id, class))
            && compound.attrs.iter().all(|test| self.matches_attr(id, test))
            && compound.pseudo.iter().all(|pseudo| self.matches_pseudo(id, pseudo, steps))
    }

    fn matches_attr(&self, id: NodeId, test: &AttrTest) -> bool {
        let Some(value) = self.attr(id, &test.name) else { return false };
        let Some((compare, wanted)) = &test.test else { return true };
        if test.ignore_case && value.is_ascii() && wanted.is_ascii() {
            return matches_ascii(value.as_bytes(), wanted.as_bytes(), *compare);
        }
        let (value, wanted) = if test.ignore_case {
            (Cow::Owned(value.to_lowercase()), Cow::Owned(wanted.to_lowercase()))
        } else {
            (value, Cow::Borrowed(wanted.as_str()))
        };
        let (value, wanted) = (value.as_ref(), wanted.as_ref());
        match compare {
            Compare::Equals => value == wanted,
            Compare::Word => value.split_ascii_whitespace().any(|word| word == wanted),
            Compare::Lang => {
                value.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            }
            Compare::Starts => !wanted.is_empty() && value.starts_with(wanted),
            Compare::Ends => !wanted.is_empty() && value.ends_with(wanted),
            Compare::Contains => !wanted.is_empty() && value.contains(wanted),
        }
    }

    fn matches_pseudo(&self, id: NodeId, pseudo: &Pseudo, steps: &mut usize) -> bool {
        match pseudo {
            Pseudo::Not(inner) => {
                !inner.choices.iter().any(|choice| self.matches_complex(id, choice, None, steps))
            }
            Pseudo::Is(inner) => {
                inner.choices.iter().any(|choice| self.matches_complex(id, choice, None, steps))
            }
            Pseudo::Has(inner) => inner.choices.iter().any(|choice| {
                let mut found = Vec::new();
                self.find_complex(id, choice, Some(id), 1, steps, &mut found);
                !found.is_empty()
            }),
            Pseudo::Contains(words) => {
                *steps = steps.saturating_sub(64);
                self.text_up_to(id, MAX_CONTAINS).to_lowercase().contains(words)
            }
            Pseudo::Nth { a, b, last, of_type } => self.matches_nth(id, (*a, *b), *last, *of_type, steps),
        }
    }

    fn matches_nth(
        &self,
        id: NodeId,
        (a, b): (i32, i32),
        last: bool,
        of_type: bool,
        steps: &mut usize,
    ) -> bool {
        let Some(parent) = self.parent(id) else { return false };
        let counted = |s: &NodeId| !of_type || self.name(*s) == self.name(id);
        let mut position: i32 = 1;
        for sibling in self.children(parent).filter(counted) {
            *steps = steps.saturating_sub(1);
            if *steps == 0 {
                return false;
            }
            if (last && sibling > id) || (!last && sibling < id) {
                position = position.saturating_add(1);
            }
            if !last && sibling >= id {
                break;
            }
        }
        let offset = position.saturating_sub(b);
        if a == 0 { offset == 0 } else { offset % a == 0 && offset / a >= 0 }
    }
}

/// A comparison in any case, without a copy: what most attributes allow.
fn matches_ascii(value: &[u8], wanted: &[u8], compare: Compare) -> bool {
    let len = wanted.len();
    match compare {
        Compare::Equals => value.eq_ignore_ascii_case(wanted),
        Compare::Word => value.split(u8::is_ascii_whitespace).any(|word| word.eq_ignore_ascii_case(wanted)),
        Compare::Lang => {
            value.get(..len).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
                && value.get(len).is_none_or(|next| *next == b'-')
        }
        Compare::Starts => {
            len > 0 && value.get(..len).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
        }
        Compare::Ends => {
            len > 0 && value.len() >= len && value[value.len() - len..].eq_ignore_ascii_case(wanted)
        }
        Compare::Contains => len > 0 && value.windows(len).any(|part| part.eq_ignore_ascii_case(wanted)),
    }
}
