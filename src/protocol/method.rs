//! The methods that the specifications name, and where each says what it touches.

use std::borrow::Cow;

use crate::json::Value;
use crate::revision::Revision;

/// What a call touches.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum PrimitiveKind {
    /// A tool, by its name.
    Tool,
    /// A resource, by its URI.
    Resource,
    /// A prompt, by its name.
    Prompt,
    /// A task, by its id.
    Task,
    /// What a method that no specification names calls `name`.
    Other,
}

impl PrimitiveKind {
    /// `tool`, `resource`, `prompt`, `task` or `other`.
    pub const fn as_str(self) -> &'static str {
        match self {
            PrimitiveKind::Tool => "tool",
            PrimitiveKind::Resource => "resource",
            PrimitiveKind::Prompt => "prompt",
            PrimitiveKind::Task => "task",
            PrimitiveKind::Other => "other",
        }
    }
}

/// The primitive of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Primitive<'a> {
    /// What it is.
    pub kind: PrimitiveKind,
    /// Its name, URI or id, unescaped and otherwise as sent: of any length, with any character.
    pub name: Cow<'a, str>,
}

/// Who may send a method.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The client.
    ToServer,
    /// The server.
    ToClient,
    /// Either.
    Both,
}

/// Where in `params` a method names its primitive.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// It has none.
    Nowhere,
    /// `params.name`, of this kind.
    Name(PrimitiveKind),
    /// `params.uri`: a resource.
    Uri,
    /// `params.taskId`: a task.
    TaskId,
    /// `params.ref`: a prompt by `name` or a resource by `uri`.
    Ref,
    /// `params.notifications.resourceSubscriptions`: a resource, where there is exactly one.
    Subscriptions,
}

/// One method of the specifications.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct MethodInfo {
    /// Its name, such as `tools/call`.
    pub name: &'static str,
    /// Who sends it.
    pub direction: Direction,
    /// The first revision that has it.
    pub since: Revision,
    /// The last revision that has it.
    pub until: Revision,
    /// Where its primitive is.
    pub place: Place,
}

const fn method(
    name: &'static str,
    direction: Direction,
    since: Revision,
    until: Revision,
    place: Place,
) -> MethodInfo {
    MethodInfo { name, direction, since, until, place }
}

use Direction::{Both, ToClient, ToServer};
use Place::{Nowhere, Ref, Subscriptions, TaskId, Uri};
use PrimitiveKind::{Prompt, Tool};
use Revision::{V2024_10_07 as R0, V2025_06_18 as R3, V2025_11_25 as R4, V2026_07_28 as R5};

/// All methods of all revisions (schema/<revision>/schema.ts and, for `tasks/*` and
/// `notifications/tasks` of 2026-07-28, the extension io.modelcontextprotocol/tasks), by name.
pub static METHODS: [MethodInfo; 36] = [
    method("completion/complete", ToServer, R0, R5, Ref),
    method("elicitation/create", ToClient, R3, R5, Nowhere),
    method("initialize", ToServer, R0, R4, Nowhere),
    method("logging/setLevel", ToServer, R0, R4, Nowhere),
    method("notifications/cancelled", Both, R0, R5, Nowhere),
    method("notifications/elicitation/complete", ToClient, R4, R5, Nowhere),
    method("notifications/initialized", ToServer, R0, R4, Nowhere),
    method("notifications/message", ToClient, R0, R5, Nowhere),
    method("notifications/progress", Both, R0, R5, Nowhere),
    method("notifications/prompts/list_changed", ToClient, R0, R5, Nowhere),
    method("notifications/resources/list_changed", ToClient, R0, R5, Nowhere),
    method("notifications/resources/updated", ToClient, R0, R5, Uri),
    method("notifications/roots/list_changed", ToServer, R0, R4, Nowhere),
    method("notifications/subscriptions/acknowledged", ToClient, R5, R5, Nowhere),
    method("notifications/tasks", ToClient, R5, R5, TaskId),
    method("notifications/tasks/status", Both, R4, R4, TaskId),
    method("notifications/tools/list_changed", ToClient, R0, R5, Nowhere),
    method("ping", Both, R0, R4, Nowhere),
    method("prompts/get", ToServer, R0, R5, Place::Name(Prompt)),
    method("prompts/list", ToServer, R0, R5, Nowhere),
    method("resources/list", ToServer, R0, R5, Nowhere),
    method("resources/read", ToServer, R0, R5, Uri),
    method("resources/subscribe", ToServer, R0, R4, Uri),
    method("resources/templates/list", ToServer, R0, R5, Nowhere),
    method("resources/unsubscribe", ToServer, R0, R4, Uri),
    method("roots/list", ToClient, R0, R5, Nowhere),
    method("sampling/createMessage", ToClient, R0, R5, Nowhere),
    method("server/discover", ToServer, R5, R5, Nowhere),
    method("subscriptions/listen", ToServer, R5, R5, Subscriptions),
    method("tasks/cancel", Both, R4, R5, TaskId),
    method("tasks/get", Both, R4, R5, TaskId),
    method("tasks/list", Both, R4, R4, Nowhere),
    method("tasks/result", Both, R4, R4, TaskId),
    method("tasks/update", ToServer, R5, R5, TaskId),
    method("tools/call", ToServer, R0, R5, Place::Name(Tool)),
    method("tools/list", ToServer, R0, R5, Nowhere),
];

/// Beginnings of method names that belong to MCP and its extensions (all that the specifications
/// have used so far).
const FAMILIES: [&str; 12] = [
    "completion/",
    "elicitation/",
    "logging/",
    "notifications/",
    "prompts/",
    "resources/",
    "roots/",
    "sampling/",
    "server/",
    "subscriptions/",
    "tasks/",
    "tools/",
];

/// What the specifications say about a method.
pub fn method_info(method: &str) -> Option<&'static MethodInfo> {
    let index = METHODS.binary_search_by(|info| info.name.cmp(method)).ok()?;
    METHODS.get(index)
}

/// Whether any revision names this method.
pub fn is_known(method: &str) -> bool {
    method_info(method).is_some()
}

/// Whether the name begins as MCP's methods do. `initialize` and `ping` do not: other protocols
/// have them too.
pub fn is_mcp_family(method: &str) -> bool {
    FAMILIES.iter().any(|family| method.starts_with(family))
}

/// The primitive that a request or notification touches. Of a method that no specification names:
/// the first of `params.name`, `params.uri`, `params.taskId`, `params.ref`, where a method that
/// begins as those of resources (tasks) do means its URI (task id) first.
pub fn primitive<'a>(method: &str, params: Option<Value<'a>>) -> Option<Primitive<'a>> {
    let params = params?;
    match method_info(method) {
        Some(info) => at_place(info.place, params),
        None => places_by_family(method).iter().find_map(|&place| at_place(place, params)),
    }
}

/// Where an unknown method most likely names what it touches.
fn places_by_family(method: &str) -> [Place; 4] {
    match kind_by_family(method) {
        PrimitiveKind::Resource => [Uri, Place::Name(PrimitiveKind::Resource), TaskId, Ref],
        PrimitiveKind::Task => [TaskId, Place::Name(PrimitiveKind::Task), Uri, Ref],
        kind => [Place::Name(kind), Uri, TaskId, Ref],
    }
}

/// What an unknown method most likely means by `params.name`.
fn kind_by_family(method: &str) -> PrimitiveKind {
    match method.split_once('/').map(|(family, _)| family) {
        Some("tools") => Tool,
        Some("prompts") => Prompt,
        Some("resources") => PrimitiveKind::Resource,
        Some("tasks") => PrimitiveKind::Task,
        _ => PrimitiveKind::Other,
    }
}

fn at_place(place: Place, params: Value<'_>) -> Option<Primitive<'_>> {
    match place {
        Nowhere => None,
        Place::Name(kind) => named(kind, params.get("name")),
        Uri => named(PrimitiveKind::Resource, params.get("uri")),
        TaskId => named(PrimitiveKind::Task, params.get("taskId")),
        Ref => {
            let reference = params.get("ref")?;
            named(Prompt, reference.get("name"))
                .or_else(|| named(PrimitiveKind::Resource, reference.get("uri")))
        }
        Subscriptions => {
            let mut all = params.pointer("/notifications/resourceSubscriptions")?.items();
            let only = all.next().filter(|_| all.next().is_none());
            named(PrimitiveKind::Resource, only)
        }
    }
}

fn named(kind: PrimitiveKind, value: Option<Value<'_>>) -> Option<Primitive<'_>> {
    Some(Primitive { kind, name: value?.as_str()? })
}

/// What was passed: `params.arguments` of `tools/call` and `prompts/get`, where the rest of the
/// params only addresses (`name`) or carries protocol state; the whole `params` of every other
/// method, known or not.
pub fn arguments<'a>(method: &str, params: Option<Value<'a>>) -> Option<Value<'a>> {
    match method {
        "tools/call" | "prompts/get" => params?.get("arguments"),
        _ => params,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scanner;

    fn found(method: &str, params: &str) -> Option<(&'static str, String)> {
        let mut scanner = Scanner::new();
        let document = scanner.scan(params.as_bytes());
        let primitive = primitive(method, document.root())?;
        Some((primitive.kind.as_str(), primitive.name.into_owned()))
    }

    #[test]
    fn the_table_is_sorted_and_of_known_families() {
        assert!(METHODS.is_sorted_by(|one, other| one.name < other.name));
        for info in &METHODS {
            assert!(is_known(info.name));
            assert!(info.since <= info.until, "{}", info.name);
            let is_shared = ["initialize", "ping"].contains(&info.name);
            assert_eq!(is_mcp_family(info.name), !is_shared, "{}", info.name);
        }
        assert!(!is_known("tools/calls") && !is_known("") && !is_known("skills/list"));
        assert!(is_mcp_family("resources/directory/read") && !is_mcp_family("toolscall"));
    }

    #[test]
    fn every_method_names_its_primitive_where_the_specification_says() {
        let cases = [
            ("tools/call", r#"{"name":"search","uri":"x"}"#, Some(("tool", "search"))),
            ("tools/call", r#"{"name":"s\u0065arch"}"#, Some(("tool", "search"))),
            ("prompts/get", r#"{"name":"greet"}"#, Some(("prompt", "greet"))),
            ("resources/read", r#"{"uri":"crm://a/1"}"#, Some(("resource", "crm://a/1"))),
            ("resources/subscribe", r#"{"uri":"crm://a"}"#, Some(("resource", "crm://a"))),
            ("notifications/resources/updated", r#"{"uri":"u"}"#, Some(("resource", "u"))),
            ("tasks/get", r#"{"taskId":"t"}"#, Some(("task", "t"))),
            ("notifications/tasks/status", r#"{"taskId":"t"}"#, Some(("task", "t"))),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"a"}}"#,
                Some(("prompt", "greet")),
            ),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/resource","uri":"crm://{id}"}}"#,
                Some(("resource", "crm://{id}")),
            ),
            (
                "subscriptions/listen",
                r#"{"notifications":{"resourceSubscriptions":["u"]}}"#,
                Some(("resource", "u")),
            ),
            (
                "subscriptions/listen",
                r#"{"notifications":{"resourceSubscriptions":["u","v"]}}"#,
                None,
            ),
            ("tools/list", r#"{"name":"x"}"#, None),
            ("ping", "{}", None),
            ("tools/call", r#"{"name":7}"#, None),
            ("tools/call", "[]", None),
        ];
        for (method, params, expected) in cases {
            let expected = expected.map(|(kind, name)| (kind, name.to_owned()));
            assert_eq!(found(method, params), expected, "{method} {params}");
        }
        assert_eq!(primitive("tools/call", None), None);
    }

    #[test]
    fn methods_nobody_specified_follow_the_generic_rule() {
        let cases = [
            ("skills/run", r#"{"name":"tidy"}"#, ("other", "tidy")),
            ("tools/describe", r#"{"name":"search"}"#, ("tool", "search")),
            ("resources/directory/read", r#"{"uri":"crm://"}"#, ("resource", "crm://")),
            ("resources/directory/read", r#"{"name":"n","uri":"u"}"#, ("resource", "u")),
            ("tasks/pause", r#"{"name":"n","taskId":"t"}"#, ("task", "t")),
            ("skills/run", r#"{"uri":"u","name":"n"}"#, ("other", "n")),
            ("jobs/poll", r#"{"taskId":"t"}"#, ("task", "t")),
            ("complete", r#"{"ref":{"uri":"u"}}"#, ("resource", "u")),
        ];
        for (method, params, (kind, name)) in cases {
            assert_eq!(found(method, params), Some((kind, name.to_owned())), "{method}");
        }
    }

    #[test]
    fn arguments_are_what_was_passed_not_how_it_was_addressed() {
        let mut scanner = Scanner::new();
        let json = br#"{"name":"search","arguments":{"q":1},"_meta":{}}"#;
        let params = scanner.scan(json).root();
        assert_eq!(arguments("tools/call", params).unwrap().raw(), br#"{"q":1}"#);
        assert_eq!(arguments("resources/read", params).unwrap().raw(), json);
        assert_eq!(arguments("skills/run", params).unwrap().raw(), json);
        assert!(arguments("tools/list", None).is_none());
    }
}
