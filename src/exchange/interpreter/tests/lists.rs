//! What is learned from list answers.

use crate::limits::{LISTED_MAX, LISTED_SCHEMA_BYTES_MAX};
use crate::testing::{Collector, Exchange, interpreter, rules, samples};
use crate::{BodyEnd, Rules};
use proptest::prelude::*;
use std::sync::Arc;

fn learned_by(rules: Rules, exchanges: &[Exchange]) -> String {
    let rules = Arc::new(rules);
    let mut sink = Collector::default();
    let mut interpreter = interpreter();
    for exchange in exchanges {
        exchange.take(&mut interpreter, &rules, &mut sink);
    }
    sink.learned()
}

fn learned(exchanges: &[Exchange]) -> String {
    learned_by(rules(), exchanges)
}

fn asks(id: u32, method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#)
}

fn answers(id: u32, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
}

const TOOLS: &str = r#"{"tools":[{"name":"search","title":"Search","description":"Finds\nthings",
"inputSchema":{"type":"object"},"outputSchema":{},"annotations":{"readOnlyHint":true}},
{"inputSchema":{"a":1.0},"name":"\u0070ing","icons":[]}],"nextCursor":"c2"}"#;

const TOOLS_LEARNED: &str = "crm.example.com/mcp tool page=first\n  \
    search | Search | Finds\\nthings | {\"type\":\"object\"} | {} | {\"readOnlyHint\":true} | \n  \
    ping |  |  | {\"a\":1.0} |  |  | \n";

#[test]
fn a_list_is_learned_from_json_and_from_a_stream() {
    let request = asks(1, "tools/list");
    let answer = answers(1, TOOLS);
    assert_eq!(learned(&[Exchange::post(&request, 200, &answer)]), TOOLS_LEARNED);
    let events = format!("id: 1\ndata: {}\n\n", answer.replace('\n', ""));
    assert_eq!(learned(&[Exchange::stream(&request, &events)]), TOOLS_LEARNED);
}

#[test]
fn resources_templates_and_prompts_go_by_the_names_that_calls_have() {
    let resources = r#"{"resources":[{"uri":"file:///a?token=s3cr3t-0123456789","name":"A",
"mimeType":"text/plain","description":"d"},{"uri":"x:y","title":"T","name":"N"}]}"#;
    let templates = r#"{"resourceTemplates":[{"uriTemplate":"db://{table}/{id}","name":"row"}]}"#;
    let prompts = r#"{"prompts":[{"name":"greet","arguments":[{"name":"who"}]}]}"#;
    let found = learned(&[
        Exchange::post(&asks(1, "resources/list"), 200, &answers(1, resources)),
        Exchange::post(&asks(2, "resources/templates/list"), 200, &answers(2, templates)),
        Exchange::post(&asks(3, "prompts/list"), 200, &answers(3, prompts)),
    ]);
    let lines: Vec<&str> = found.lines().collect();
    assert!(!found.contains("s3cr3t"), "{found}");
    assert!(lines[1].starts_with("  file:///a?token="), "{found}");
    assert!(lines[1].ends_with(" | A | d |  |  |  | text/plain"), "{found}");
    assert_eq!(lines[2], "  x:y | T |  |  |  |  | ");
    assert_eq!(lines[3], "crm.example.com/mcp resource page=first templates");
    assert_eq!(lines[4], "  db://{table}/{id} | row |  |  |  |  | ");
    assert_eq!(lines[5], "crm.example.com/mcp prompt page=first");
    assert_eq!(lines[6], "  greet |  |  | [{\"name\":\"who\"}] |  |  | ");
}

#[test]
fn pages_are_told_apart_by_their_cursor() {
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"c2"}}"#;
    let page = answers(1, r#"{"tools":[{"name":"last","inputSchema":{}}]}"#);
    let found = learned(&[Exchange::post(request, 200, &page)]);
    assert!(found.starts_with("crm.example.com/mcp tool page=later\n  last |"), "{found}");
    let request = request.replace("\"c2\"", "null");
    let found = learned(&[Exchange::post(&request, 200, &page)]);
    assert!(found.starts_with("crm.example.com/mcp tool page=first\n"), "{found}");
}

#[test]
fn every_list_of_a_batch_is_learned() {
    let request = format!("[{},{}]", asks(1, "tools/list"), asks(2, "prompts/list"));
    let answer = format!("[{},{}]", answers(2, r#"{"prompts":[{"name":"p"}]}"#), answers(1, TOOLS));
    let found = learned(&[Exchange::post(&request, 200, &answer)]);
    let wanted =
        format!("crm.example.com/mcp prompt page=first\n  p |  |  |  |  |  | \n{TOOLS_LEARNED}");
    assert_eq!(found, wanted);
}

#[test]
fn what_is_no_good_list_teaches_nothing() {
    let request = asks(1, "tools/list");
    let answer = answers(1, TOOLS);
    for (status, answer) in [
        (500, answer.clone()),
        (403, answer.clone()),
        (200, answers(1, r#"{"resultType":"input_required","tools":[{"name":"a"}]}"#)),
        (200, answers(1, r#"{"tools":{"name":"a"}}"#)),
        (200, answers(1, r#"{"prompts":[{"name":"a"}]}"#)),
        (200, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32010,"message":"no"}}"#.to_owned()),
        (200, answers(2, TOOLS)),
    ] {
        let found = learned(&[Exchange::post(&request, status, &answer)]);
        assert_eq!(found, "", "{status} {answer}");
    }
    // The result of another method may have any form.
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#;
    assert_eq!(learned(&[Exchange::post(call, 200, &answer)]), "");
    // A client that answers a server's request is no server.
    assert_eq!(learned(&[Exchange::post(&answer, 202, "")]), "");
    // A server that asks its client for a list has none itself.
    let events = format!("data: {}\n\n", asks(9, "tools/list"));
    assert_eq!(learned(&[Exchange::stream(call, &events)]), "");
}

#[test]
fn a_list_that_is_cut_only_counts() {
    let request = asks(1, "tools/list");
    let mut exchange = Exchange::post(&request, 200, &answers(1, TOOLS));
    let short = Rules { response_bytes_max: 200, ..rules() };
    let counted = "crm.example.com/mcp tool page=first truncated\n";
    let events = format!("data: {}\n\n", answers(1, TOOLS).replace('\n', ""));
    assert_eq!(learned_by(short, &[Exchange::stream(&request, &events)]), counted);
    exchange.answer.truncate(200);
    exchange.answer_end = BodyEnd::Aborted;
    assert_eq!(learned(&[exchange]), "");
}

#[test]
fn a_list_is_learned_where_its_call_is_not_recorded() {
    let skipping = || Rules { skip: vec!["tools/*".to_owned()], ..rules() };
    let exchange = Exchange::post(&asks(1, "tools/list"), 200, &answers(1, TOOLS));
    assert_eq!(learned_by(skipping(), std::slice::from_ref(&exchange)), TOOLS_LEARNED);
    assert_eq!(crate::testing::recorded(skipping(), &[exchange]), "");
}

#[test]
fn an_answer_on_another_connection_is_known_by_its_form() {
    let hello = "event: endpoint\ndata: /messages?session_id=0123456789abcdef\n\n";
    let on_stream = |result: &str| {
        let events = format!("{hello}data: {}\n\n", answers(7, result).replace('\n', ""));
        learned(&[Exchange::get(200, &events).at("/sse", "")])
    };
    let found = on_stream(TOOLS);
    assert_eq!(found, TOOLS_LEARNED.replace("/mcp", "/sse").replace("page=first", "page=?"));
    for result in [
        r#"{"tools":[]}"#,
        r#"{"tools":[{"name":"a"}]}"#,
        r#"{"tools":[{"name":"a","inputSchema":{}},7]}"#,
        r#"{"tools":[{"name":"a","inputSchema":{}}],"content":[]}"#,
        r#"{"content":[]}"#,
    ] {
        assert_eq!(on_stream(result), "", "{result}");
    }
}

#[test]
fn hostile_items_are_left_out_and_counted() {
    let long = "n".repeat(3000);
    let schema = format!(r#"{{"d":"{}"}}"#, "x".repeat(LISTED_SCHEMA_BYTES_MAX));
    let list = format!(
        r#"{{"tools":[null,7,"a",[],{{}},{{"name":5}},{{"name":""}},{{"name":"{long}"}},
{{"name":"a\u0000\u0007","inputSchema":{schema},"description":null,"annotations":null}},
{{"name":"b","name":"c","description":7,"title":"{long}"}}]}}"#
    );
    let found = learned(&[Exchange::post(&asks(1, "tools/list"), 200, &answers(1, &list))]);
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines[0], "crm.example.com/mcp tool page=first left out 8");
    assert_eq!(lines[1], "  a\\0\\u{7} |  |  |  |  |  |  cut");
    assert!(lines[2].starts_with("  c | nnn") && lines[2].ends_with(" |  |  |  |  |  cut"));
    assert_eq!(lines.len(), 3, "{found}");
}

#[test]
fn a_page_has_a_bound() {
    let items = vec![r#"{"name":"a","inputSchema":{}}"#; LISTED_MAX + 5].join(",");
    let list = answers(1, &format!(r#"{{"tools":[{items}]}}"#));
    let found = learned(&[Exchange::post(&asks(1, "tools/list"), 200, &list)]);
    assert!(found.starts_with("crm.example.com/mcp tool page=first left out 5\n"), "{found:.100}");
    assert_eq!(found.lines().count(), LISTED_MAX + 1);
}

#[test]
fn every_era_of_the_captured_conversations_teaches_its_tools() {
    for folder in [
        "legacy-sse-2024-11-05-server-everything-tsv1",
        "streamable-2025-03-26-python-sdk-2.3.0",
        "streamable-2025-11-25-fastmcp-json-response",
        "streamable-2025-11-25-python-sdk-2.3.0",
        "modern-2026-07-28-python-sdk-2.3.0",
    ] {
        let exchanges: Vec<Exchange> =
            samples(folder).into_iter().map(|sample| sample.exchange).collect();
        let found = learned(&exchanges);
        assert!(found.contains(" tool page="), "{folder}: {found}");
        assert!(!found.contains("unproven"), "{folder}: {found}");
    }
}

/// Text as hostile servers write it.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "\\PC{0,20}",
        Just("\u{0}".to_owned()),
        Just("\r\ndata: x\r\n\r\n".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_list_is_learned_the_same_however_its_stream_is_cut(
        items in prop::collection::vec((texts(), texts(), any::<bool>()), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
        of in prop::sample::select(vec![("tools/list", "tools"), ("prompts/list", "prompts")]),
    ) {
        let items: Vec<serde_json::Value> = items
            .into_iter()
            .map(|(name, description, has_schema)| {
                let schema = has_schema.then(|| serde_json::json!({"type": "object"}));
                serde_json::json!({"name": name, "description": description, "inputSchema": schema})
            })
            .collect();
        let result = serde_json::json!({of.1: items}).to_string();
        let events = format!("event: message\r\ndata: {}\r\n\r\n", answers(1, &result));
        let exchange = Exchange::stream(&asks(1, of.0), &events);
        let whole = learned(std::slice::from_ref(&exchange));
        let rules = Arc::new(rules());
        let mut sink = Collector::default();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(events.len() + 1)).collect();
        cuts.sort_unstable();
        exchange.take_cut(&cuts, &mut interpreter(), &rules, &mut sink);
        prop_assert_eq!(&whole, &sink.learned());
        let json = Exchange::post(&asks(1, of.0), 200, &answers(1, &result));
        prop_assert_eq!(whole, learned(&[json]));
    }
}
