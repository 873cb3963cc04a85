//! Which session an exchange belongs to, and what happens to sessions.

use crate::testing::{Collector, Exchange, interpreter, recorded, rules};
use crate::{Derive, ParamRule, Part, Rules, Taken};
use record::{HashKey, Patience};
use std::sync::Arc;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"probe","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"crm","version":"1.4"}}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const LISTED: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#;
const MODERN: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"modern","version":"2"}}}}"#;

/// The first line about each session, without the bytes it carried.
fn sessions(rules: Rules, exchanges: &[Exchange]) -> Vec<String> {
    let text = recorded(rules, exchanges);
    let heads = text.lines().filter(|line| !line.starts_with(' ') && !line.contains("unmatched"));
    heads.map(|line| line.split(" in=").next().unwrap().to_owned()).collect()
}

fn group(line: &str) -> &str {
    line.split(' ').nth(2).unwrap()
}

#[test]
fn the_answer_to_initialize_opens_a_session_and_tells_who_speaks() {
    let open = Exchange::post(INITIALIZE, 200, INITIALIZED).answered("mcp-session-id", "s1");
    let call = Exchange::post(LIST, 200, LISTED).with("mcp-session-id", "s1");
    assert_eq!(
        sessions(rules(), &[open, call]),
        ["crm.example.com/mcp header s1 client=probe 1 info=crm 1.4 version=2025-06-18"]
    );
}

#[test]
fn an_id_on_an_error_opens_nothing() {
    let refused = r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32600,"message":"no"}}"#;
    let on_error = Exchange::post(LIST, 400, refused).answered("mcp-session-id", "bogus");
    let failed = Exchange::post(INITIALIZE, 200, refused).answered("mcp-session-id", "bogus");
    for exchange in [on_error, failed] {
        let found = sessions(rules(), &[exchange]);
        assert!(!found[0].contains("bogus"), "{found:?}");
    }
    let invented = Exchange::post(LIST, 404, "").with("mcp-session-id", "invented");
    let found = sessions(rules(), &[invented]);
    assert_eq!(found[0], "crm.example.com/mcp header invented unopened unproven");
}

#[test]
fn an_id_that_a_server_took_opens_a_session_after_a_restart() {
    let call = Exchange::post(LIST, 200, LISTED).with("mcp-session-id", "s1");
    assert_eq!(sessions(rules(), &[call]), ["crm.example.com/mcp header s1"]);
}

#[test]
fn a_configured_id_goes_before_all_others() {
    let mut call = Exchange::post(LIST, 200, LISTED).with("mcp-session-id", "s1");
    call.values.session = "mine".to_owned();
    assert_eq!(sessions(rules(), &[call]), ["crm.example.com/mcp configured mine"]);
}

#[test]
fn session_headers_mean_nothing_in_the_stateless_revision() {
    let call = Exchange::post(MODERN, 200, LISTED).with("mcp-session-id", "s1");
    let found = sessions(rules(), &[call]);
    assert!(found[0].starts_with("crm.example.com/mcp derived "), "{found:?}");
    assert!(found[0].ends_with("client=modern 2 version=2026-07-28"), "{found:?}");
}

#[test]
fn derived_sessions_part_by_user_else_credential_else_address_and_by_client() {
    let base = || Exchange::post(MODERN, 200, LISTED);
    let mut alice = base();
    alice.values.user = "alice".to_owned();
    let mut alice_elsewhere = alice.clone();
    alice_elsewhere.values.address = "10.0.0.8".to_owned();
    let mut elsewhere = base();
    elsewhere.values.address = "10.0.0.8".to_owned();
    let token = base().with("authorization", "Bearer a");
    let mut other_client = base();
    other_client.body = MODERN.replace("\"modern\"", "\"other\"").into_bytes();
    let all = [alice, alice_elsewhere, elsewhere, base(), token, other_client];
    assert_eq!(sessions(rules(), &all).len(), 5);
}

#[test]
fn derived_sessions_can_be_grouped_by_configured_values_or_not_at_all() {
    let with = |value: &str| {
        let mut call = Exchange::post(MODERN, 200, LISTED);
        call.values.derive = value.to_owned();
        call
    };
    let by_values = Rules { derive: Derive::Values, ..rules() };
    let found = sessions(by_values, &[with("a\nb"), with("a\nc"), with("a\nb"), with("\n")]);
    assert_eq!(found.len(), 3, "{found:?}");
    let off = Rules { derive: Derive::Off, ..rules() };
    let found = sessions(off, &[with("a"), with("b")]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("crm.example.com/mcp none "), "{found:?}");
}

#[test]
fn failed_probes_and_refused_logins_are_kept_together_per_client() {
    let discover = r#"{"jsonrpc":"2.0","id":"d","method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"modern","version":"2"}}}}"#;
    let error =
        r#"{"jsonrpc":"2.0","id":"d","error":{"code":-32601,"message":"Method not found"}}"#;
    let probes = [
        Exchange::post(discover, 400, error),
        Exchange::post(discover, 200, error),
        Exchange::post(INITIALIZE, 401, ""),
        Exchange::post(MODERN, 403, "{\"error\":\"insufficient_scope\"}"),
    ];
    let found = sessions(rules(), &probes);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("crm.example.com/mcp none "), "{found:?}");
    let supported = r#"{"jsonrpc":"2.0","id":"d","result":{"supportedVersions":["2026-07-28"]}}"#;
    let found = sessions(rules(), &[Exchange::post(discover, 200, supported)]);
    assert!(found[0].starts_with("crm.example.com/mcp derived "), "{found:?}");
}

#[test]
fn the_old_transport_is_one_session_over_two_paths() {
    let stream = "event: endpoint\ndata: /messages/?session_id=5ed5%33a\n\n\
        event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2024-11-05\",\"capabilities\":{},\"serverInfo\":{\"name\":\"crm\",\"version\":\"1\"}}}\n\n\
        event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[]}}\n\n";
    let get = Exchange::get(200, stream).at("/sse", "");
    let rules = Arc::new(rules());
    let (mut interpreter, mut sink) = (interpreter(), Collector::default());
    let end = stream.find("event: message").unwrap();
    let mut first = get.part(&rules, Part::First, 0..end);
    interpreter.take(&mut first, Patience::Decide, &mut sink);
    for body in [INITIALIZE, LIST] {
        let mut post = Exchange::post(body, 202, "Accepted").at("/messages/", "session_id=5ed53a");
        post.answer_headers.clear();
        post.take(&mut interpreter, &rules, &mut sink);
    }
    let mut last = get.part(&rules, Part::Last, end..stream.len());
    interpreter.take(&mut last, Patience::Decide, &mut sink);
    let text = sink.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("crm.example.com/sse query 5ed53a client=probe 1 info=crm 1"),
        "{text}"
    );
    assert!(lines[1].contains("POST 202 #0 initialize") && lines[1].contains("-> ok"), "{text}");
    assert!(lines[2].contains("POST 202 #1 tools/list") && lines[2].contains("-> ok"), "{text}");
    assert_eq!(&lines[3..], ["  stream_opened", "  stream_closed"], "{text}");
}

const QUARKUS_ID: &str = "NjA1NDkxOTQtMmU5YS00YjU0LWE4OTktZWZkYzg0MmI0NTE2";

/// The POST side of HTTP+SSE, as servers answer it.
fn posted(body: &str, path: &str) -> Exchange {
    let mut post = Exchange::post(body, 202, "").at(path, "");
    post.answer_headers.clear();
    post
}

/// A stream that announces `endpoint`, with exchanges in the middle of it.
fn with_stream(endpoint: &str, posts: &[Exchange]) -> String {
    let stream = format!(
        "event: endpoint\ndata: {endpoint}\n\nevent: message\ndata: {INITIALIZED}\n\n\
         event: message\ndata: {LISTED}\n\n"
    );
    let get = Exchange::get(200, &stream).at("/t/0a1b2c3d4e5f60718293a4b5/sse", "");
    let rules = Arc::new(rules());
    let (mut interpreter, mut sink) = (interpreter(), Collector::default());
    let end = stream.find("event: message").unwrap();
    let mut first = get.part(&rules, Part::First, 0..end);
    interpreter.take(&mut first, Patience::Decide, &mut sink);
    for post in posts {
        post.take(&mut interpreter, &rules, &mut sink);
    }
    let mut last = get.part(&rules, Part::Last, end..stream.len());
    interpreter.take(&mut last, Patience::Decide, &mut sink);
    sink.text()
}

#[test]
fn the_old_transport_may_have_its_session_in_the_path() {
    let path = format!("/messages/{QUARKUS_ID}");
    let mut refused = posted("{oops", &path);
    refused.status = 400;
    let answer = r#"{"jsonrpc":"2.0","id":4,"result":{"roots":[]}}"#;
    let posts = [posted(INITIALIZE, &path), posted(LIST, &path), posted(answer, &path), refused];
    for endpoint in
        [path.clone(), format!("https://crm.example.com{path}/#x"), path.clone() + "?a=b"]
    {
        let text = with_stream(&endpoint, &posts);
        let lines: Vec<&str> = text.lines().collect();
        let session = format!("crm.example.com/t/0a1b2c3d4e5f60718293a4b5/sse query {QUARKUS_ID}");
        assert!(lines[0].starts_with(&session), "{text}");
        assert!(lines[1].contains("#0 initialize") && lines[1].contains("-> ok"), "{text}");
        assert!(lines[2].contains("#1 tools/list") && lines[2].contains("-> ok"), "{text}");
        assert!(lines[3].contains("POST 202 #4") && lines[3].contains("-> accepted"), "{text}");
        assert!(lines[4].contains("POST 400 #") && lines[4].contains("-> http_error"), "{text}");
        assert_eq!(&lines[5..7], ["  stream_opened", "  stream_closed"], "{text}");
        // The server's question is not in the stream; here too the answer finds its session.
        assert_eq!(lines[7], r#"unmatched in 0: Server 4 ok {"roots":[]} [full 46]"#);
        assert_eq!(lines.len(), 8, "{text}");
    }
}

#[test]
fn an_id_in_the_path_that_no_stream_announced_is_none() {
    let path = format!("/messages/{QUARKUS_ID}");
    let ping = r#"{"jsonrpc":"2.0","id":4,"method":"eth_call"}"#;
    for endpoint in ["/messages", "/t/0a1b2c3d4e5f60718293a4b5/messages"] {
        let text = with_stream(endpoint, &[posted(LIST, &path), posted(ping, &path)]);
        assert!(text.contains(&format!("crm.example.com{path} derived ")), "{text}");
        assert!(!text.contains(" query ") && !text.contains("eth_call"), "{text}");
        assert_eq!(text.matches(" POST 202 ").count(), 1, "{text}");
    }
    let answered = Exchange::post(LIST, 200, LISTED).at(&path, "");
    let found = sessions(rules(), &[posted(LIST, &path), answered]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(&format!("crm.example.com{path} derived ")), "{found:?}");
    let mut refused = posted(LIST, &path);
    refused.status = 401;
    let found = sessions(rules(), &[refused]);
    assert!(found[0].starts_with(&format!("crm.example.com{path} none ")), "{found:?}");
}

#[test]
fn an_unknown_id_in_the_path_ends_nothing() {
    let path = format!("/messages/{QUARKUS_ID}");
    let mut lost = posted(LIST, &path);
    lost.status = 404;
    assert!(!with_stream("/messages", std::slice::from_ref(&lost)).contains("not_found"));
    assert!(with_stream(&path, &[lost]).contains("not_found"));
}

#[test]
fn a_parameter_of_that_name_is_no_session_where_the_answer_came_at_once() {
    let call = Exchange::post(LIST, 200, LISTED).at("/mcp", "sessionId=fixed");
    let found = sessions(rules(), &[call]);
    assert!(found[0].starts_with("crm.example.com/mcp derived "), "{found:?}");
}

#[test]
fn deleting_and_losing_a_session_are_events() {
    let delete = |status| {
        Exchange { method: "DELETE", ..Exchange::post("", status, "") }.with("mcp-session-id", "s1")
    };
    let gone = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"Session not found"}}"#;
    let exchanges = [
        delete(405),
        delete(200),
        Exchange::post(LIST, 404, gone).with("mcp-session-id", "s1"),
        Exchange::get(405, "").with("mcp-session-id", "s1"),
    ];
    let text = recorded(rules(), &exchanges);
    let events: Vec<&str> = text.lines().skip(2).map(str::trim).collect();
    assert_eq!(events, ["delete_refused", "deleted", "not_found", "stream_refused"], "{text}");
}

#[test]
fn an_answer_of_another_kind_opens_no_stream_and_no_session() {
    let page = || Exchange::get(200, "<html>").answered("content-type", "text/html");
    let proof = Exchange::post(LIST, 200, LISTED).with("mcp-session-id", "s1");
    let asked = page().with("mcp-session-id", "s1");
    let text = recorded(rules(), &[proof.clone(), asked, page()]);
    let events: Vec<&str> = text.lines().skip(2).map(str::trim).collect();
    assert_eq!(events, ["stream_refused"], "{text}");
    let found = sessions(rules(), &[proof, page().with("mcp-session-id", "invented")]);
    assert!(found[1].starts_with("crm.example.com/mcp header invented unopened"), "{found:?}");
    let browser = page().with("mcp-session-id", "s1").with("accept", "text/html");
    assert_eq!(recorded(rules(), &[browser]), "");
}

#[test]
fn an_unknown_method_does_not_end_a_session() {
    let unknown =
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}"#;
    let call = Exchange::post(LIST, 404, unknown).with("mcp-session-id", "s1");
    assert!(!recorded(rules(), &[call]).contains("not_found"));
}

#[test]
fn ids_are_stored_hashed_where_it_is_configured_so() {
    let hashed =
        || Rules { session_hashed: true, hash_key: Some(HashKey::new([3; 32])), ..rules() };
    let call = Exchange::post(LIST, 200, LISTED).with("mcp-session-id", "secret-id");
    let found = sessions(hashed(), &[call]);
    assert!(!found[0].contains("secret-id"));
    assert_eq!(group(&found[0]).len(), 32);
}

#[test]
fn ids_of_any_length_and_bytes_stay_apart_and_bounded() {
    let long = "x".repeat(1 << 20);
    let with = |id: &[u8]| {
        let mut call = Exchange::post(LIST, 200, LISTED);
        call.headers.push(("mcp-session-id".to_owned(), id.to_vec()));
        call
    };
    let exchanges = [
        with(long.as_bytes()),
        with(format!("{long}y").as_bytes()),
        with(b"a\xffb"),
        with(b"a\xfeb"),
        with(b"a\tb"),
        with(b"'; drop table sessions; --"),
    ];
    let text = recorded(rules(), &exchanges);
    assert_eq!(text.lines().filter(|line| line.starts_with("crm")).count(), 6, "{text}");
    assert!(text.contains("header a\\xffb") && text.contains("header a\\x09b"), "{text}");
    assert!(text.lines().all(|line| line.len() < 500));
}

#[test]
fn who_acts_is_recorded_with_roles_and_parameters() {
    let mut rules = rules();
    rules.params = vec![
        ParamRule { name: "tenant".to_owned(), is_hashed: false },
        ParamRule { name: "card".to_owned(), is_hashed: true },
        ParamRule { name: "empty".to_owned(), is_hashed: false },
    ];
    let mut call = Exchange::post(LIST, 200, LISTED).with("mcp-session-id", "s1");
    call.values.user = "alice@example.com".to_owned();
    call.values.role = r#"["admin", "o\"ps", 7, ""]"#.to_owned();
    call.values.params = vec!["acme".to_owned(), "1234".to_owned()];
    let text = recorded(rules, &[call]);
    assert!(text.contains("user=alice@example.com"), "{text}");
    assert!(text.contains(r#"roles=["admin","o\"ps","7"]"#), "{text}");
    assert!(text.contains("params=tenant=acme;card=") && !text.contains("1234"), "{text}");
    assert!(!text.contains("empty="), "{text}");
}

#[test]
fn one_role_is_split_only_where_a_separator_is_configured() {
    let mut call = Exchange::post(LIST, 200, LISTED).with("mcp-session-id", "s1");
    call.values.role = "admin, ops".to_owned();
    let whole = recorded(rules(), std::slice::from_ref(&call));
    assert!(whole.contains(r#"roles=["admin, ops"]"#), "{whole}");
    let split = Rules { role_separator: Some(",".to_owned()), ..rules() };
    let split = recorded(split, &[call]);
    assert!(split.contains(r#"roles=["admin","ops"]"#), "{split}");
}

#[test]
fn servers_are_named_by_configuration_or_by_host_and_path() {
    let call = || Exchange::post(LIST, 200, LISTED).with("mcp-session-id", "s1");
    let named = Rules { server_name: Some("crm".to_owned()), ..rules() };
    assert_eq!(sessions(named, &[call()]), ["crm header s1"]);
    let paths = [call().at("/mcp/", "x=1"), call().at("/mcp", ""), call().at("/mcp/s1", "")];
    assert_eq!(sessions(rules(), &paths), ["crm.example.com/mcp header s1"]);
}

#[test]
fn a_server_is_proven_by_a_result_and_not_by_an_error() {
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#;
    for (status, answer, is_proof) in [
        (200, LISTED, true),
        (200, error, false),
        (404, LISTED, false),
        (200, "<html>", false),
        (200, r#"{"result":{}}"#, false),
    ] {
        let call = Exchange::post(LIST, status, answer).with("mcp-session-id", "s1");
        let rules = Arc::new(rules());
        let mut sink = Collector::default();
        call.take(&mut interpreter(), &rules, &mut sink);
        assert_eq!(!sink.text().contains("unproven"), is_proof, "{status} {answer}");
        assert_eq!(rules.proven.contains(b"/mcp"), is_proof, "{status} {answer}");
    }
}

#[test]
fn an_exchange_that_has_to_wait_is_left_as_it_is() {
    let call = Exchange::post(LIST, 200, LISTED).with("mcp-session-id", "s1");
    let rules = Arc::new(rules());
    let (mut interpreter, mut sink) = (interpreter(), Collector::default());
    sink.delays = 2;
    let mut capture = call.part(&rules, Part::Only, 0..call.answer.len());
    for _ in 0..2 {
        let taken = interpreter.take(&mut capture, Patience::MayWait, &mut sink);
        assert_eq!((taken, sink.calls()), (Taken::Later, 0));
    }
    let taken = interpreter.take(&mut capture, Patience::MayWait, &mut sink);
    assert_eq!((taken, sink.calls()), (Taken::Recorded, 1));
}

#[test]
fn the_beginning_of_a_stream_may_have_to_wait_too() {
    let get = Exchange::get(200, ": keepalive\n\n").with("mcp-session-id", "s1");
    let rules = Arc::new(rules());
    let (mut interpreter, mut sink) = (interpreter(), Collector::default());
    sink.delays = 1;
    let mut first = get.part(&rules, Part::First, 0..0);
    assert_eq!(interpreter.take(&mut first, Patience::MayWait, &mut sink), Taken::Later);
    assert_eq!((interpreter.open_streams(), sink.text()), (0, String::new()));
    assert_eq!(interpreter.take(&mut first, Patience::MayWait, &mut sink), Taken::Recorded);
    assert_eq!(interpreter.open_streams(), 1);
}
