//! Messages and what is read from them.

use protocol::{
    Detection, HeaderHints, Message, MessageKind, RPC_ID_BYTES_MAX, RpcId, Scanner, arguments,
    client_info, decode_mcp_name, detect, era, is_error, is_media_type, may_be_mcp_body, messages,
    primitive, progress_token, protocol_version, result_type, server_info, task_id,
};

pub(crate) const SEEDS: &[&[u8]] = &[
    br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"q":"x"},"_meta":{"progressToken":1,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"}}}}"#,
    br#"{"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"mcp","version":"0.1.0"}},"jsonrpc":"2.0","id":"a-0"}"#,
    br#"{"result":{"protocolVersion":"2025-06-18","serverInfo":{"name":"crm","version":"1.4"}},"jsonrpc":"2.0","id":0}"#,
    br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}"#,
    br#"[{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":0.5}},{"jsonrpc":"2.0","id":2,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"crm://{id}"}}}]"#,
    br#"{"id":3,"result":{"resultType":"task","taskId":"t1","isError":true,"task":{"taskId":"t2"}}}"#,
    b"=?base64?dG9vbCB3aXRoIMO8bsOvY29kZQ==?=",
];

/// Reading a message does not fail, is bounded, and the cheap look at a body never rules out what
/// is a JSON-RPC 2.0 message.
pub fn message(bytes: &[u8]) {
    decode_mcp_name(bytes);
    is_media_type(bytes, "application/json");
    let mut scanner = Scanner::new();
    let document = scanner.scan_body(bytes);
    for message in messages(&document) {
        read(&message);
        if message.is_jsonrpc_2() {
            assert_eq!(may_be_mcp_body(bytes, true), Some(true));
            for end in (0..bytes.len()).step_by(bytes.len() / 16 + 1) {
                assert_ne!(may_be_mcp_body(&bytes[..end], false), Some(false));
            }
        }
    }
}

fn read(message: &Message<'_>) {
    let id = RpcId::from(message.id);
    assert_eq!(id.is_usable(), message.id.is_some_and(|id| !id.is_null()) && id != RpcId::Null);
    // Escapes make the JSON text of an id longer than the id, up to six times.
    assert!(id.to_string().len() <= 6 * RPC_ID_BYTES_MAX + 2);
    if let RpcId::Text(_) | RpcId::Integer(_) = id {
        let json = id.to_string();
        let mut scanner = Scanner::new();
        let document = scanner.scan(json.as_bytes());
        assert_eq!(RpcId::from(document.root()), id);
    }
    let bare = detect(message, &HeaderHints::default());
    let session = detect(message, &HeaderHints { has_session_id: true, ..HeaderHints::default() });
    assert!(session >= bare, "a header speaks for MCP, never against it");
    if message.kind == MessageKind::Invalid {
        assert_eq!(session, Detection::No);
    }
    if let Some(method) = message.method.as_deref() {
        primitive(method, message.params);
        arguments(method, message.params);
    }
    let _ = (client_info(message), protocol_version(message), progress_token(message));
    let _ = (era(message, None), era(message, Some("2026-07-28")));
    if let Some(result) = message.result {
        let _ = (server_info(result), is_error(result), result_type(result), task_id(result));
    }
}
