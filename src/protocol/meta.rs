//! What messages say about their sender, their version and their result.

use std::borrow::Cow;

use crate::json::Value;
use crate::message::Message;

/// Key in `params._meta` of every request since 2026-07-28: the version it speaks.
pub const META_PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Key in `params._meta` since 2026-07-28: the client's name and version.
pub const META_CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// Key in `result._meta` since 2026-07-28: the server's name and version.
pub const META_SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// Key in `params._meta` of notifications on a `subscriptions/listen` stream: its request's id.
pub const META_SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// A member of the message's `params._meta`.
pub fn meta<'a>(message: &Message<'a>, key: &str) -> Option<Value<'a>> {
    message.params?.get("_meta")?.get(key)
}

/// Name and version of the client, as it gives them itself: from `params._meta`, or from the
/// `params.clientInfo` of `initialize`. The version is empty where there is none.
pub fn client_info<'a>(message: &Message<'a>) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    let info = match meta(message, META_CLIENT_INFO) {
        Some(info) => info,
        None if message.method.as_deref() == Some("initialize") => {
            message.params?.get("clientInfo")?
        }
        None => return None,
    };
    name_and_version(info)
}

/// Name and version of the server, as it gives them itself: from `_meta` of any result, or from
/// the `serverInfo` of the answers to `initialize` and `server/discover`.
pub fn server_info(result: Value<'_>) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let in_meta = result.get("_meta").and_then(|meta| meta.get(META_SERVER_INFO));
    name_and_version(in_meta.or_else(|| result.get("serverInfo"))?)
}

fn name_and_version(info: Value<'_>) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let name = info.get("name")?.as_str()?;
    let version = info.get("version").and_then(|version| version.as_str()).unwrap_or_default();
    Some((name, version))
}

/// The protocol version a message names: the claim in `params._meta`; the version an `initialize`
/// asks for; or, in its answer, the version that was agreed on.
pub fn protocol_version<'a>(message: &Message<'a>) -> Option<Cow<'a, str>> {
    let version = match meta(message, META_PROTOCOL_VERSION) {
        Some(version) => version,
        None if message.method.as_deref() == Some("initialize") => {
            message.params?.get("protocolVersion")?
        }
        None => message.result?.get("protocolVersion")?,
    };
    version.as_str()
}

/// The token that ties `notifications/progress` to the request that asked for it: of a request
/// `params._meta.progressToken`, of the notification `params.progressToken`.
pub fn progress_token<'a>(message: &Message<'a>) -> Option<Value<'a>> {
    if message.method.as_deref() == Some("notifications/progress") {
        return message.params?.get("progressToken");
    }
    meta(message, "progressToken")
}

/// Whether a result reports a failed tool (`isError: true`).
pub fn is_error(result: Value<'_>) -> bool {
    result.get("isError").and_then(|is_error| is_error.as_bool()) == Some(true)
}

/// What a result stands for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum ResultType {
    /// The answer; also where nothing is said (all results before 2026-07-28).
    Complete,
    /// The server asks for input first; the client repeats its request with it.
    InputRequired,
    /// A task was begun; its result is to be fetched.
    Task,
    /// A `resultType` that no specification names.
    Other,
}

impl ResultType {
    /// As in `resultType`; `other` for one that no specification names.
    pub const fn as_str(self) -> &'static str {
        match self {
            ResultType::Complete => "complete",
            ResultType::InputRequired => "input_required",
            ResultType::Task => "task",
            ResultType::Other => "other",
        }
    }
}

/// What a result stands for, by its `resultType` (2026-07-28) or its `task` (2025-11-25).
pub fn result_type(result: Value<'_>) -> ResultType {
    match result.get("resultType") {
        Some(kind) if kind.is_str("input_required") => ResultType::InputRequired,
        Some(kind) if kind.is_str("task") => ResultType::Task,
        Some(kind) if kind.is_str("complete") => ResultType::Complete,
        Some(_) => ResultType::Other,
        None if result.pointer("/task/taskId").is_some() => ResultType::Task,
        None => ResultType::Complete,
    }
}

/// The id of the task that a result began: `taskId` (2026-07-28) or `task.taskId` (2025-11-25).
pub fn task_id(result: Value<'_>) -> Option<Cow<'_, str>> {
    result.pointer("/task/taskId").or_else(|| result.get("taskId"))?.as_str()
}

/// `requestState`, which ties the rounds of a call that needs input together: in the result of
/// one round and in the params of the next. It may hold secrets.
pub fn request_state(params_or_result: Value<'_>) -> Option<Value<'_>> {
    params_or_result.get("requestState")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scanner;

    fn with<T>(json: &str, check: impl FnOnce(Message<'_>) -> T) -> T {
        check(Message::new(Scanner::new().scan(json.as_bytes()).root().unwrap()))
    }

    #[test]
    fn a_legacy_client_introduces_itself_at_initialize() {
        let json = r#"{"method":"initialize","id":0,"params":{"protocolVersion":"2025-11-25",
            "capabilities":{},"clientInfo":{"name":"mcp","version":"0.1.0","title":"x"}}}"#;
        with(json, |message| {
            assert_eq!(client_info(&message), Some(("mcp".into(), "0.1.0".into())));
            assert_eq!(protocol_version(&message).as_deref(), Some("2025-11-25"));
        });
        let other = r#"{"method":"tools/call","id":0,"params":{"clientInfo":{"name":"mcp"}}}"#;
        assert!(with(other, |message| client_info(&message).is_none()));
    }

    #[test]
    fn a_modern_client_introduces_itself_in_every_request() {
        let json = r#"{"method":"tools/call","id":0,"params":{"name":"x","_meta":{
            "progressToken":3,
            "io.modelcontextprotocol/protocolVersion":"2026-07-28",
            "io.modelcontextprotocol/clientInfo":{"name":"client"}}}}"#;
        with(json, |message| {
            assert_eq!(client_info(&message), Some(("client".into(), "".into())));
            assert_eq!(protocol_version(&message).as_deref(), Some("2026-07-28"));
            assert_eq!(progress_token(&message).and_then(|token| token.as_i64()), Some(3));
        });
    }

    #[test]
    fn servers_introduce_themselves_in_either_place() {
        let legacy = r#"{"result":{"protocolVersion":"2025-06-18","serverInfo":{"name":"crm","version":"1.4"}},"id":0}"#;
        with(legacy, |message| {
            let result = message.result.unwrap();
            assert_eq!(server_info(result), Some(("crm".into(), "1.4".into())));
            assert_eq!(protocol_version(&message).as_deref(), Some("2025-06-18"));
        });
        let modern = r#"{"id":0,"result":{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"crm","version":"2"}}}}"#;
        with(modern, |message| {
            assert_eq!(server_info(message.result.unwrap()), Some(("crm".into(), "2".into())));
        });
    }

    #[test]
    fn progress_names_its_token_among_its_params() {
        let json =
            r#"{"method":"notifications/progress","params":{"progressToken":"t","progress":1}}"#;
        with(json, |message| {
            assert!(progress_token(&message).unwrap().is_str("t"));
        });
    }

    #[test]
    fn results_say_what_they_stand_for() {
        let cases = [
            (r#"{"result":{"content":[]}}"#, ResultType::Complete, false),
            (r#"{"result":{"resultType":"complete","isError":true}}"#, ResultType::Complete, true),
            (r#"{"result":{"resultType":"input_required"}}"#, ResultType::InputRequired, false),
            (r#"{"result":{"resultType":"task","taskId":"t1"}}"#, ResultType::Task, false),
            (r#"{"result":{"task":{"taskId":"t1"}}}"#, ResultType::Task, false),
            (r#"{"result":{"resultType":"new","isError":"true"}}"#, ResultType::Other, false),
            (r#"{"result":{"resultType":7}}"#, ResultType::Other, false),
            (r#"{"result":[1]}"#, ResultType::Complete, false),
        ];
        for (json, expected, is_failed) in cases {
            with(json, |message| {
                let result = message.result.unwrap();
                assert_eq!(result_type(result), expected, "{json}");
                assert_eq!(is_error(result), is_failed, "{json}");
                let id = (expected == ResultType::Task).then_some("t1");
                assert_eq!(task_id(result).as_deref(), id, "{json}");
            });
        }
    }
}
