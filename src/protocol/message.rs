//! JSON-RPC 2.0 messages in a document: one, or a batch of them.

use std::borrow::Cow;

use crate::json::{Document, Items, Value, ValueKind};

/// What a message is, by its members alone; `jsonrpc` is not looked at.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// A `method` and an `id` (of any type), or a `method` in a message that was cut before an
    /// `id` could be seen and whose method is no notification.
    Request,
    /// A `method` and no `id`.
    Notification,
    /// A `result` or an `error` and no `method`.
    Response,
    /// Anything else.
    Invalid,
}

/// One JSON-RPC message. Of members that occur twice the last counts.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// What it is.
    pub kind: MessageKind,
    /// The `id`, of whatever type.
    pub id: Option<Value<'a>>,
    /// The `method`, if it is a string and was seen whole.
    pub method: Option<Cow<'a, str>>,
    /// The `params`, of whatever type.
    pub params: Option<Value<'a>>,
    /// The `result` of a response.
    pub result: Option<Value<'a>>,
    /// The `error` of a response.
    pub error: Option<Value<'a>>,
    /// The `jsonrpc` member, which should say `"2.0"`.
    pub jsonrpc: Option<Value<'a>>,
    /// The message as a whole.
    pub value: Value<'a>,
}

impl<'a> Message<'a> {
    /// Reads a value as a message.
    pub fn new(value: Value<'a>) -> Self {
        let mut message = Message {
            kind: MessageKind::Invalid,
            id: None,
            method: None,
            params: None,
            result: None,
            error: None,
            jsonrpc: None,
            value,
        };
        let mut method = None;
        for (key, value) in value.members() {
            let member = match key.as_bytes().as_ref() {
                b"jsonrpc" => &mut message.jsonrpc,
                b"id" => &mut message.id,
                b"method" => &mut method,
                b"params" => &mut message.params,
                b"result" => &mut message.result,
                b"error" => &mut message.error,
                _ => continue,
            };
            *member = Some(value);
        }
        message.method = method.filter(Value::is_complete).and_then(|method| method.as_str());
        message.kind = message.kind_of(method.is_some());
        message
    }

    fn kind_of(&self, has_method: bool) -> MessageKind {
        match &self.method {
            Some(_) if self.id.is_some() => MessageKind::Request,
            Some(method) if self.value.is_complete() || method.starts_with("notifications/") => {
                MessageKind::Notification
            }
            Some(_) => MessageKind::Request,
            None if has_method => MessageKind::Invalid,
            None if self.result.is_some() || self.error.is_some() => MessageKind::Response,
            None => MessageKind::Invalid,
        }
    }

    /// Whether the message says that it is JSON-RPC 2.0.
    pub fn is_jsonrpc_2(&self) -> bool {
        self.jsonrpc.is_some_and(|version| version.is_str("2.0"))
    }

    /// Whether the whole message was seen. The members of one that is not are those before the
    /// cut; the last of them may be cut itself.
    pub fn is_complete(&self) -> bool {
        self.value.is_complete()
    }
}

/// The messages of a document: the elements of its array, or the one value it is. An empty
/// document has none.
pub fn messages<'a>(document: &Document<'a>) -> Messages<'a> {
    let root = document.root();
    let batch = root.filter(|root| root.kind() == ValueKind::Array);
    Messages { single: root.filter(|_| batch.is_none()), batch: batch.map(|root| root.items()) }
}

/// Iterator of [`messages`].
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    single: Option<Value<'a>>,
    batch: Option<Items<'a>>,
}

impl Messages<'_> {
    /// Whether the messages stand in an array, even an empty one or one of a single message.
    pub fn is_batch(&self) -> bool {
        self.batch.is_some()
    }

    /// Whether there are no more. Reads none.
    pub fn is_empty(&self) -> bool {
        match &self.batch {
            Some(items) => items.clone().next().is_none(),
            None => self.single.is_none(),
        }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let value = match &mut self.batch {
            Some(items) => items.next(),
            None => self.single.take(),
        };
        value.map(Message::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scanner;

    fn kinds(json: &str) -> Vec<MessageKind> {
        messages(&Scanner::new().scan(json.as_bytes())).map(|message| message.kind).collect()
    }

    #[test]
    fn the_members_decide_what_a_message_is() {
        use MessageKind::{Invalid, Notification, Request, Response};
        let cases = [
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, Request),
            (r#"{"method":"ping","id":null}"#, Request),
            (r#"{"method":"notifications/initialized"}"#, Notification),
            (r#"{"result":{},"jsonrpc":"2.0","id":3}"#, Response),
            (r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"no"}}"#, Response),
            (r#"{"id":1,"method":"ping","result":{}}"#, Request),
            (r#"{"id":1,"method":7,"result":{}}"#, Invalid),
            (r#"{"id":1}"#, Invalid),
            ("7", Invalid),
            ("\"tools/call\"", Invalid),
        ];
        for (json, kind) in cases {
            assert_eq!(kinds(json), [kind], "{json}");
        }
    }

    #[test]
    fn escaped_member_names_are_read() {
        let json = r#"{"m\u0065thod":"tools/c\u0061ll","\u0069d":1}"#;
        let mut scanner = Scanner::new();
        let document = scanner.scan(json.as_bytes());
        let message = messages(&document).next().unwrap();
        assert_eq!(message.kind, MessageKind::Request);
        assert_eq!(message.method.as_deref(), Some("tools/call"));
    }

    #[test]
    fn of_a_repeated_member_the_last_counts() {
        let json = r#"{"method":"ping","id":1,"method":"tools/list","id":2}"#;
        let mut scanner = Scanner::new();
        let message = messages(&scanner.scan(json.as_bytes())).next().unwrap();
        assert_eq!(message.method.as_deref(), Some("tools/list"));
        assert_eq!(message.id.and_then(|id| id.as_i64()), Some(2));
    }

    #[test]
    fn a_batch_is_told_from_its_only_message() {
        let mut scanner = Scanner::new();
        assert!(messages(&scanner.scan(b"[]")).is_batch());
        assert_eq!(messages(&scanner.scan(b"[]")).count(), 0);
        let batch = br#"[{"method":"ping","id":1},{"method":"notifications/x"},[],1]"#;
        use MessageKind::{Invalid, Notification, Request};
        assert_eq!(
            messages(&scanner.scan(batch)).map(|message| message.kind).collect::<Vec<_>>(),
            [Request, Notification, Invalid, Invalid]
        );
        assert!(!messages(&scanner.scan(b"{}")).is_batch());
    }

    #[test]
    fn of_a_cut_message_that_names_a_request_the_kind_is_known_before_its_id() {
        assert_eq!(
            kinds(r#"{"method":"tools/call","params":{"name":"search","argu"#),
            [MessageKind::Request]
        );
        assert_eq!(
            kinds(r#"{"method":"notifications/progress","params":{"#),
            [MessageKind::Notification]
        );
        assert_eq!(kinds(r#"{"jsonrpc":"2.0","id":1,"method":"tools/ca"#), [MessageKind::Invalid]);
        assert_eq!(kinds(r#"{"result":{"content":["#), [MessageKind::Response]);
    }
}
