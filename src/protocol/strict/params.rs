//! `params`: where a message says what it touches.

use super::key;
use super::message::Place;
use super::objection::{Objections, Rule};
use crate::json::{Key, Value, ValueKind};
use crate::method::{self, Primitive, PrimitiveKind, is_mcp_family, method_info, primitive};

pub(super) const PLAIN: &str = "no control characters, no space around";

/// All primitives that a request or notification touches, each to be judged: those that
/// [`primitive`] names, and where `subscriptions/listen` names several resources, every one.
pub fn primitives<'a>(method: &str, params: Option<Value<'a>>) -> Vec<Primitive<'a>> {
    let is_list =
        method_info(method).is_some_and(|info| info.place == method::Place::Subscriptions);
    if !is_list {
        return primitive(method, params).into_iter().collect();
    }
    let listed = params.and_then(|params| params.pointer("/notifications/resourceSubscriptions"));
    let items = listed.into_iter().flat_map(|listed| listed.items());
    items
        .filter_map(|uri| Some(Primitive { kind: PrimitiveKind::Resource, name: uri.as_str()? }))
        .collect()
}

/// Whether a name has in it what a reader may drop: control characters (C's strings end at a NUL)
/// or space around it.
pub(super) fn is_hidden(name: &str) -> bool {
    match name.is_ascii() {
        true => {
            name.bytes().any(|byte| byte.is_ascii_control())
                || name.starts_with(' ')
                || name.ends_with(' ')
        }
        false => name.chars().any(char::is_control) || name.trim() != name,
    }
}

/// Objects to a key that is not a known member, but passes for one somewhere.
pub(super) fn check_key(
    key: Key<'_>,
    name: &[u8],
    known: &[&'static str],
    place: Place<'_>,
    found: &mut Objections,
) {
    if key::is_prototype(name) {
        found.add(Rule::PrototypeKey, place.pointer_to(key), "no such key", key.raw());
    } else if let Some(exact) = key::folds_to(name, known)
        && exact.as_bytes() != name
    {
        found.add(Rule::FoldedKey, place.pointer_to(key), exact, key.raw());
    }
}

fn check_keys(object: Value<'_>, known: &[&'static str], place: Place<'_>, found: &mut Objections) {
    for (key, _) in object.members() {
        check_key(key, &key.as_bytes(), known, place, found);
    }
}

/// Checks the keys of `params`, and of those objects in it that say what is touched, and that names
/// are strings where names are expected. `arguments` are left to the tool's schema.
pub(super) fn check(method: &str, params: Value<'_>, place: Place<'_>, found: &mut Objections) {
    check_keys(params, key::PARAMS, place, found);
    for (name, known) in
        [("_meta", key::NONE), ("ref", key::REFERENCE), ("notifications", key::NOTIFICATIONS)]
    {
        if let Some(object) = params.get(name) {
            check_keys(object, known, place, found);
        }
    }
    let mut names = Names { params, place, found };
    match method_info(method).map(|info| info.place) {
        Some(method::Place::Nowhere) => {}
        Some(method::Place::Name(_)) => names.check(&["name"]),
        Some(method::Place::Uri) => names.check(&["uri"]),
        Some(method::Place::TaskId) => names.check(&["taskId"]),
        Some(method::Place::Ref) => names.check_reference(),
        Some(method::Place::Subscriptions) => names.check_subscriptions(),
        None if is_mcp_family(method) => {
            names.check(&["name"]);
            names.check(&["uri"]);
            names.check(&["taskId"]);
            names.check_reference();
        }
        None => {}
    }
}

struct Names<'a, 'f> {
    params: Value<'a>,
    place: Place<'a>,
    found: &'f mut Objections,
}

impl<'a> Names<'a, '_> {
    /// The member that these keys lead to is a plain string, if there is one.
    fn check(&mut self, keys: &[&str]) {
        let value = keys.iter().try_fold(self.params, |value, key| value.get(key));
        if let Some(value) = value {
            self.check_value(value, keys);
        }
    }

    fn check_value(&mut self, value: Value<'_>, keys: &[&str]) {
        let (rule, expected) = match value.as_str() {
            None => (Rule::Name, "a string"),
            Some(text) if is_hidden(&text) => (Rule::HiddenInName, PLAIN),
            Some(_) => return,
        };
        let point = self.point(keys);
        self.found.add(rule, point, expected, value.raw());
    }

    fn point(&self, keys: &[&str]) -> String {
        let mut point = self.place.pointer(&["params"]);
        for key in keys {
            point.push('/');
            point.push_str(key);
        }
        point
    }

    /// A reference is a prompt by its name or a resource by its URI; with both, its type says which
    /// counts, to those who look at it.
    fn check_reference(&mut self) {
        let Some(reference) = self.params.get("ref") else { return };
        if !reference.is_object() {
            let point = self.point(&["ref"]);
            return self.found.add(Rule::Name, point, "an object", reference.raw());
        }
        self.check(&["ref", "name"]);
        self.check(&["ref", "uri"]);
        if reference.get("name").is_some() && reference.get("uri").is_some() {
            let point = self.point(&["ref"]);
            self.found.add(Rule::AmbiguousName, point, "name or uri", reference.raw());
        }
    }

    fn check_subscriptions(&mut self) {
        let Some(filter) = self.params.get("notifications") else { return };
        let list = filter.get("resourceSubscriptions");
        let keys = ["notifications", "resourceSubscriptions"];
        if !filter.is_object() {
            let point = self.point(&["notifications"]);
            return self.found.add(Rule::Name, point, "an object", filter.raw());
        }
        let Some(list) = list else { return };
        if list.kind() != ValueKind::Array {
            let point = self.point(&keys);
            return self.found.add(Rule::Name, point, "an array", list.raw());
        }
        for uri in list.items() {
            self.check_value(uri, &keys);
        }
    }
}
