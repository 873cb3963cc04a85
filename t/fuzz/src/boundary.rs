//! The recognition boundary.

use protocol::{
    Boundary, Flaws, OBJECTIONS_MAX, RequestHeaders, Scanner, boundary, messages, objections,
    primitives,
};

pub(crate) const SEEDS: &[&[u8]] = &[
    br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"q":"a b","n":[1,{"x":null}]}}}"#,
    br#"[{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t"}},{"jsonrpc":"2.0","id":2,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"crm://{id}"}}}]"#,
    br#"{"jsonrpc":"2.0","id":3,"result":{"content":[]}}"#,
    br#"{"jsonrpc":"2.0","id":"a","method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["u","v"]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
    "{\"param\u{17f}\":{\"tas\u{212a}Id\":1},\"METHOD\":\"\u{ff4d}\",\"method\\u0000\":1,\"__proto__\":{}}"
        .as_bytes(),
    b"{\"x\":\n{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}\n}",
    b"application/json; charset=\"utf-8\"; x, text/plain",
    b"\xff\xfe{\0\"\0m\0\"\0:\0",
    br#"["2.0",1,"tools/call",[{"method":1}]]"#,
    b"",
];

/// A verdict for any bytes, of body and of headers: what is let pass is strict JSON to serde_json as
/// well, and there are objections exactly where it is not let pass, each of bounded size.
pub fn boundary_and_objections(bytes: &[u8]) {
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    let each = [head, tail];
    let plain = RequestHeaders { content_type: b"application/json", ..Default::default() };
    let odd = RequestHeaders {
        content_type: head,
        content_encoding: tail,
        mcp_method: &each,
        mcp_name: &each,
        protocol_version: &each,
    };
    let mut scanner = Scanner::new();
    let document = scanner.scan_body(bytes);
    for headers in [plain, odd] {
        let verdict = boundary(&document, &headers);
        let list = objections(&document, &headers);
        assert!(list.len() <= OBJECTIONS_MAX);
        for objection in &list {
            assert!(objection.found.len() <= 3 * 256 + 3 && objection.point.len() <= 1024);
        }
        match verdict {
            Boundary::Refused(objection) => assert_eq!(list.first(), Some(&objection)),
            Boundary::Calls => {
                assert!(list.is_empty() && is_strict(bytes));
                for message in messages(&document) {
                    assert!(message.is_jsonrpc_2());
                    if let Some(method) = message.method {
                        primitives(&method, message.params);
                    }
                }
            }
            Boundary::Other => {
                assert!(list.is_empty());
                assert!(document.flaws() == Flaws::EMPTY || is_strict(bytes));
            }
        }
    }
}

/// serde_json has limits of its own, which the grammar does not know.
fn is_strict(bytes: &[u8]) -> bool {
    match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(_) => true,
        Err(error) => {
            let error = error.to_string();
            error.starts_with("recursion limit") || error.starts_with("number out of range")
        }
    }
}
