use super::*;
use crate::controls::{Controls, InForce, Who};
use crate::testing::rules;
use crate::tools::{Snapshot, ToolsHere};
use control::catalogue::{Catalogue, TOOLS_PER_SERVER_MAX};
use control::{Control, ControlKind, Line};
use record::{Judged, Mode};

fn acl(title: &str, lines: &[&str], mode: Mode) -> InForce {
    let words = |line: &&str| line.split(' ').map(str::to_owned).collect();
    let lines: Vec<Line> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| Line { number: at as u32 + 1, words: words(line) })
        .collect();
    let (control, _) = Control::parse(ControlKind::Acl, title, "nginx.conf:1", "", &lines).unwrap();
    InForce { control: Arc::new(control), mode }
}

fn no_drops(mode: Mode) -> Controls {
    Controls {
        mode: Mode::Block,
        protocol_check: Mode::Off,
        controls: vec![acl("no drops", &["primitives drop*", "deny all"], mode)],
        fails_closed: true,
        evidence_bytes_max: Some(1000),
        ..Controls::default()
    }
}

struct Heard {
    reply: Option<Reply>,
    verdict: Verdict,
}

fn hear_with(controls: Controls, body: &[u8], change: impl FnOnce(&mut Case<'_>)) -> Heard {
    hear_in(ToolsHere::new(None, 0), controls, body, change)
}

fn hear_in(
    tools: ToolsHere<'_>,
    controls: Controls,
    body: &[u8],
    change: impl FnOnce(&mut Case<'_>),
) -> Heard {
    let mut rules = rules();
    rules.controls = Some(Arc::new(controls));
    let headers: [(&[u8], &[u8]); 1] = [(b"Content-Type", b"application/json")];
    let mut case = Case {
        rules: &rules,
        body,
        seen: Seen::Whole,
        headers: &headers,
        user: b"alice",
        role: b"",
        address: b"127.0.0.1",
        values: &[],
        external: b"",
        is_foreign_session: false,
        tools,
        now: 1,
        can_block: true,
    };
    change(&mut case);
    let mut verdict = Verdict::default();
    let reply = Judge::new().judge(&case, &mut verdict);
    Heard { reply, verdict }
}

fn hear(controls: Controls, body: &str) -> Heard {
    hear_with(controls, body.as_bytes(), |_| {})
}

fn call(name: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{name}"}}}}"#)
}

#[test]
fn a_call_that_a_blocking_control_denies_is_answered_by_its_id() {
    let heard = hear(no_drops(Mode::Block), &call("drop_all"));
    assert_eq!(heard.reply, Some(Reply::Call("7".to_owned())));
    assert!(heard.verdict.is_blocked);
    let denial = &heard.verdict.denials[0];
    assert_eq!((denial.who, denial.message), (Who::Control(0), 0));
    assert_eq!((denial.method.as_str(), denial.primitive.as_str()), ("tools/call", "drop_all"));
    assert_eq!(heard.verdict.tallies.last().unwrap().judged, Judged::Blocked);
}

#[test]
fn what_nobody_objects_to_passes_and_is_counted() {
    let heard = hear(no_drops(Mode::Block), &call("drag"));
    assert_eq!(heard.reply, None);
    assert!(heard.verdict.denials.is_empty() && !heard.verdict.is_blocked);
    // The control does not cover it.
    assert!(heard.verdict.tallies.is_empty());
}

#[test]
fn a_control_that_only_watches_lets_it_pass() {
    let heard = hear(no_drops(Mode::Monitoring), &call("drop_all"));
    assert_eq!(heard.reply, None);
    assert_eq!(heard.verdict.denials.len(), 1);
    assert_eq!(heard.verdict.tallies.last().unwrap().judged, Judged::Denied);
}

#[test]
fn after_the_fact_nothing_is_blocked() {
    let heard =
        hear_with(no_drops(Mode::Block), call("drop_all").as_bytes(), |it| it.can_block = false);
    assert_eq!(heard.reply, None);
    assert_eq!(heard.verdict.tallies.last().unwrap().judged, Judged::Denied);
}

#[test]
fn notifications_and_batches_are_refused() {
    let notification = r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"drop"}}"#;
    assert_eq!(hear(no_drops(Mode::Block), notification).reply, Some(Reply::Refusal));
    let batch = format!("[{},{}]", call("echo").replace('7', "8"), call("drop"));
    let heard = hear(no_drops(Mode::Block), &batch);
    assert_eq!(heard.reply, Some(Reply::Refusal));
    assert!(heard.verdict.denials.iter().any(|it| it.message == 1 && it.who == Who::Control(0)));
}

#[test]
fn a_body_with_two_meanings_is_refused_where_anything_blocks_and_nowhere_else() {
    let twice =
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","name":"b"}}"#;
    let heard = hear(no_drops(Mode::Block), twice);
    assert_eq!(heard.reply, Some(Reply::Call("7".to_owned())));
    assert_eq!(heard.verdict.denials[0].who, Who::Protocol);
    assert_eq!(hear(no_drops(Mode::Monitoring), twice).reply, None);
    for body in ["{", "{}{}", "method=tools/call", "\u{feff}{}"] {
        assert_eq!(hear(no_drops(Mode::Block), body).reply, Some(Reply::Refusal), "{body}");
    }
    for body in ["", "{\"client_name\":\"x\"}"] {
        assert_eq!(hear(no_drops(Mode::Block), body).reply, None, "{body}");
    }
}

#[test]
fn an_id_that_could_be_mistaken_is_not_answered_to() {
    for id in ["null", "[1]", "{}", "7,\"id\":8"] {
        let body = call("drop").replace(":7,", &format!(":{id},"));
        assert_eq!(hear(no_drops(Mode::Block), &body).reply, Some(Reply::Refusal), "{id}");
    }
    let text = call("drop").replace(":7,", r#":"a\"b","#);
    assert_eq!(hear(no_drops(Mode::Block), &text).reply, Some(Reply::Call(r#""a\"b""#.to_owned())));
}

#[test]
fn what_was_not_seen_whole_is_up_to_mcp_fail() {
    for seen in [Seen::OverLimit, Seen::Partly] {
        let closed = hear_with(no_drops(Mode::Block), b"{", |it| it.seen = seen);
        assert_eq!(closed.reply, Some(Reply::Refusal), "{seen:?}");
        assert_eq!(closed.verdict.tallies.last().unwrap().judged, Judged::UnjudgedBlocked);
        let open = Controls { fails_closed: false, ..no_drops(Mode::Block) };
        let open = hear_with(open, b"{", |it| it.seen = seen);
        assert_eq!(open.reply, None, "{seen:?}");
        assert_eq!(open.verdict.tallies.last().unwrap().judged, Judged::Unjudged);
    }
}

#[test]
fn a_batch_that_is_too_long_is_not_judged() {
    let batch = format!("[{}]", vec![call("echo"); 101].join(","));
    let heard = hear(no_drops(Mode::Block), &batch);
    assert_eq!(heard.reply, Some(Reply::Refusal));
}

#[test]
fn other_bodies_pass_unless_they_could_be_json() {
    let controls =
        || Controls { other_bodies: vec!["text/plain".to_owned()], ..no_drops(Mode::Block) };
    const KIND: (&[u8], &[u8]) = (b"content-type", b"Text/Plain; charset=utf-8");
    const ONCE: [(&[u8], &[u8]); 1] = [KIND];
    const TWICE: [(&[u8], &[u8]); 2] = [KIND, (b"Content-Type", b"application/json")];
    for (body, passes) in [("hello", true), (" {\"a\":", false), ("[1", false), ("\"{}\"", false)] {
        let heard = hear_with(controls(), body.as_bytes(), |it| it.headers = &ONCE);
        assert_eq!(heard.reply.is_none(), passes, "{body}");
    }
    assert!(hear_with(controls(), b"hello", |it| it.headers = &TWICE).reply.is_some());
}

#[test]
fn what_another_program_found_blocks_as_the_level_does() {
    let controls = |mode| Controls {
        mode,
        external_place: Some("nginx.conf:3".to_owned()),
        ..Controls::default()
    };
    let heard =
        hear_with(controls(Mode::Block), call("x").as_bytes(), |it| it.external = b"942100");
    assert_eq!(heard.reply, Some(Reply::Call("7".to_owned())));
    assert_eq!(
        (heard.verdict.denials[0].who, heard.verdict.denials[0].found.as_str()),
        (Who::External, "942100")
    );
    let watched =
        hear_with(controls(Mode::Monitoring), call("x").as_bytes(), |it| it.external = b"942100");
    assert_eq!(watched.reply, None);
    assert_eq!(watched.verdict.denials.len(), 1);
}

#[test]
fn tools_without_room_concern_calls_of_tools_only() {
    let mut builder = Catalogue::builder();
    for tool in 0..=TOOLS_PER_SERVER_MAX {
        builder.tool("a/mcp", &format!("t{tool}"), "{}", &[]);
    }
    let catalogue = builder.build();
    let snapshot = Arc::new(Snapshot { catalogue, servers: vec![vec!["a/mcp".to_owned()]] });
    let line = Line { number: 1, words: vec!["undefined_tools".to_owned(), "deny".to_owned()] };
    let kind = ControlKind::ToolSchema;
    let (control, _) = Control::parse(kind, "as listed", "nginx.conf:1", "", &[line]).unwrap();
    let in_force = InForce { control: Arc::new(control), mode: Mode::Block };
    let hear = |body: &str| {
        let controls = Controls { controls: vec![in_force.clone()], ..no_drops(Mode::Block) };
        hear_in(ToolsHere::new(Some(&snapshot), 0), controls, body.as_bytes(), |_| {})
    };
    assert!(hear(&call("without_room")).verdict.is_blocked);
    let other =
        hear(r#"{"jsonrpc":"2.0","id":7,"method":"resources/read","params":{"uri":"a:b"}}"#);
    assert!(!other.verdict.is_blocked && other.verdict.tallies.is_empty());
}
