//! `$ref` within one document.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use protocol::{Value, ValueKind};

use crate::schema::{REFERENCES_MAX, Refused};

/// Objects whose members are looked up by name, `$defs` as a rule.
const PARENTS_MAX: usize = 64;
/// Keywords whose values are no schemas, whatever they look like.
const DATA: [&str; 4] = ["enum", "const", "default", "examples"];

pub(super) struct References<'a> {
    root: Value<'a>,
    targets: HashMap<String, Value<'a>>,
    /// Members of objects that references lead into.
    parents: HashMap<String, HashMap<String, Value<'a>>>,
    /// Made when the first reference is met.
    names: Option<Names<'a>>,
}

/// What parts of the document call themselves.
#[derive(Default)]
struct Names<'a> {
    /// `$anchor`, `$dynamicAnchor`, and `$id` of draft-07 that begins with `#`.
    anchors: HashMap<String, Value<'a>>,
    /// A part is a document of its own, to which its references are relative.
    has_documents: bool,
}

impl<'a> References<'a> {
    pub(super) fn new(root: Value<'a>) -> Self {
        References { root, targets: HashMap::new(), parents: HashMap::new(), names: None }
    }

    /// The subschema that a reference leads to.
    pub(super) fn target(&mut self, reference: Value<'a>) -> Result<Value<'a>, Refused> {
        let reference = reference.as_str().ok_or(Refused::UnknownRef)?;
        if let Some(target) = self.targets.get(reference.as_ref()) {
            return Ok(*target);
        }
        if self.targets.len() >= REFERENCES_MAX {
            return Err(Refused::TooManyNodes);
        }
        let names = self.names.get_or_insert_with(|| names(self.root));
        if names.has_documents {
            return Err(Refused::EmbeddedDocument);
        }
        let (document, fragment) = reference.split_once('#').unwrap_or((&reference, ""));
        let is_own = document.is_empty()
            || self.root.get("$id").is_some_and(|id| {
                id.as_str().is_some_and(|id| id.trim_end_matches('#') == document)
            });
        if !is_own {
            return Err(Refused::RemoteRef);
        }
        let fragment =
            percent_decode_str(fragment).decode_utf8().map_err(|_| Refused::UnknownRef)?;
        let target = match fragment.rsplit_once('/') {
            _ if fragment.is_empty() => Some(self.root),
            Some((parent, name)) if fragment.starts_with('/') => self.pointed(parent, name)?,
            _ => names.anchors.get(fragment.as_ref()).copied(),
        };
        let target = target.ok_or(Refused::UnknownRef)?;
        self.targets.insert(reference.into_owned(), target);
        Ok(target)
    }

    fn pointed(&mut self, parent: &str, name: &str) -> Result<Option<Value<'a>>, Refused> {
        if let Some(members) = self.parents.get(parent) {
            return Ok(members.get(&unescaped(name)).copied());
        }
        let Some(value) = self.root.pointer(parent) else { return Ok(None) };
        if !value.is_object() {
            return Ok(value.pointer(&format!("/{name}")));
        }
        if self.parents.len() >= PARENTS_MAX {
            return Err(Refused::TooManyNodes);
        }
        let members: HashMap<_, _> =
            value.members().map(|(key, value)| (key.as_str().into_owned(), value)).collect();
        let target = members.get(&unescaped(name)).copied();
        self.parents.insert(parent.to_owned(), members);
        Ok(target)
    }
}

/// A token of a JSON pointer (RFC 6901 §4).
fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

fn names(root: Value<'_>) -> Names<'_> {
    let mut names = Names::default();
    let mut pending = vec![root];
    while let Some(value) = pending.pop() {
        pending.extend(value.items().filter(is_container));
        for (key, child) in value.members() {
            if is_container(&child) && !DATA.iter().any(|data| key.eq(data)) {
                pending.push(child);
            }
            let is_id = key.eq("$id");
            if !is_id && !key.eq("$anchor") && !key.eq("$dynamicAnchor") {
                continue;
            }
            let Some(text) = child.as_str() else { continue };
            let anchor = if is_id { text.strip_prefix('#') } else { Some(text.as_ref()) };
            match anchor {
                Some(anchor) => {
                    names.anchors.insert(anchor.to_owned(), value);
                }
                None if value.span() != root.span() => names.has_documents = true,
                None => {}
            }
        }
    }
    names
}

fn is_container(value: &Value<'_>) -> bool {
    matches!(value.kind(), ValueKind::Array | ValueKind::Object)
}
