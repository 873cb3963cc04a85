//! What controls say of calls, rule by rule of product.md.

use crate::support::{STEPS, acl, control, judge, tool_call, verdict, verify};
use control::catalogue::Catalogue;
use control::schema::Budget;
use control::{CallFacts, ControlKind, Judgement, Objection, Subject, ToolsOf, Unjudged, Unknown};
use protocol::Scanner;
use std::net::IpAddr;

fn user(user: &str) -> Subject<'_> {
    Subject { user, ..Subject::default() }
}

fn roles<'a>(roles: &'a [&'a str]) -> Subject<'a> {
    Subject { roles, ..Subject::default() }
}

fn address(text: &str) -> Subject<'static> {
    Subject { address: Some(text.parse::<IpAddr>().expect("an address")), ..Subject::default() }
}

fn values<'a>(values: &'a [&'a [&'a [u8]]]) -> Subject<'a> {
    Subject { values, ..Subject::default() }
}

#[test]
fn a_control_without_lists_covers_all() {
    let control = acl("deny all;");
    assert!(control.covers("ping", None));
    assert!(control.covers("tools/call", Some("x")));
}

#[test]
fn a_method_without_a_primitive_is_not_covered_by_a_control_that_lists_primitives() {
    let control = acl("primitives *;\ndeny all;");
    assert!(control.covers("tools/call", Some("")));
    assert!(!control.covers("tools/list", None));
    let call = CallFacts { primitive: None, method: "tools/list", ..tool_call("") };
    assert_eq!(judge(&control, &call, &Subject::default()), Judgement::NotCovered);
}

#[test]
fn methods_and_primitives_must_both_be_listed() {
    let control = acl("methods tools/* prompts/get;\nprimitives delete_* drop;\ndeny all;");
    assert!(control.covers("tools/call", Some("delete_account")));
    assert!(control.covers("prompts/get", Some("drop")));
    assert!(!control.covers("prompts/list", Some("drop")));
    assert!(!control.covers("tools/call", Some("dropped")));
    assert!(!control.covers("TOOLS/CALL", Some("drop")), "bytes, not letters");
    assert!(!control.covers("tools/call", Some("Delete_account")));
}

#[test]
fn what_is_excepted_is_not_covered_and_everything_else_is() {
    let control = acl("methods tools/call;\nexcept get_* search;\nallow role=writer;\ndeny all;");
    assert!(!control.covers("tools/call", Some("get_account")));
    assert!(!control.covers("tools/call", Some("search")));
    assert!(control.covers("tools/call", Some("delete_account")));
    assert!(control.covers("tools/call", Some("xget_account")));
    assert!(control.covers("tools/call", None), "a call without a name is none of those");
    let control = acl("primitives delete_*;\nexcept delete_draft;\ndeny all;");
    assert!(control.covers("tools/call", Some("delete_account")));
    assert!(!control.covers("tools/call", Some("delete_draft")));
    assert!(!control.covers("tools/call", Some("search")));
    assert!(!control.covers("tools/list", None));
    let long = acl("except *a*b*;\ndeny all;");
    assert!(long.covers("tools/call", Some(&"a".repeat(1 << 24))), "not known, so covered");
}

#[test]
fn a_primitive_too_long_to_search_is_covered_and_not_judged() {
    let block: String = (0..1000).map(|n| format!("primitives *x{n}*;\n")).collect();
    let control = acl(&format!("{block}allow all;"));
    let name = "y".repeat(1 << 20);
    assert!(control.covers("tools/call", Some(&name)));
    let judgement = control.judge(
        &tool_call(&name),
        &Subject::default(),
        ToolsOf(None),
        &mut Budget::new(100_000),
    );
    assert_eq!(judgement, Judgement::Unjudged(Unjudged::Budget));
}

#[test]
fn the_first_line_that_matches_decides() {
    let control = acl("deny user=mallory;\nallow role=admin;\nallow user=mallory;\ndeny all;");
    let mallory = Subject { user: "mallory", roles: &["admin"], ..Subject::default() };
    assert_eq!(verdict(&control, &mallory), "deny user=mallory, line 1");
    let alice = Subject { user: "alice", roles: &["guest", "admin"], ..Subject::default() };
    assert_eq!(verdict(&control, &alice), "allowed");
    assert_eq!(verdict(&control, &user("bob")), "deny all, line 4");
}

#[test]
fn what_no_line_matches_is_allowed() {
    assert_eq!(verdict(&acl("deny user=mallory;"), &user("alice")), "allowed");
    assert_eq!(verdict(&acl("allow user=alice;"), &user("bob")), "allowed");
}

#[test]
fn all_conditions_of_a_line_must_hold() {
    let control = acl("allow user=alice role=a role=b ip=10.0.0.0/8 client=x if=$f;\ndeny all;");
    let full = Subject {
        user: "alice",
        roles: &["b", "c", "a"],
        address: Some("10.1.2.3".parse().expect("an address")),
        client: "x",
        values: &[&[b"1"]],
    };
    assert_eq!(verdict(&control, &full), "allowed");
    let lacking = [
        Subject { user: "bob", ..full },
        Subject { roles: &["a"], ..full },
        Subject { address: None, ..full },
        Subject { client: "y", ..full },
        Subject { values: &[&[b"0"]], ..full },
        Subject { values: &[], ..full },
    ];
    for subject in lacking {
        assert_eq!(verdict(&control, &subject), "deny all, line 2", "{subject:?}");
    }
}

#[test]
fn a_missing_value_matches_nothing() {
    let block = "deny user=a;\ndeny role=a;\ndeny client=a;\ndeny ip=0.0.0.0/0;\ndeny ip=::/0;\n\
                 deny if=$x;\nallow all;";
    assert_eq!(verdict(&acl(block), &Subject::default()), "allowed");
    assert_eq!(verdict(&acl(block), &values(&[&[]])), "allowed");
    assert_eq!(verdict(&acl(block), &values(&[&[b""]])), "allowed");
}

#[test]
fn names_are_compared_byte_by_byte() {
    let control = acl("deny user=alice;\ndeny role=*;");
    for name in ["Alice", "alice ", "al\u{131}ce", "alice\0"] {
        assert_eq!(verdict(&control, &user(name)), "allowed", "{name:?}");
    }
    assert_eq!(verdict(&control, &roles(&["admin"])), "allowed", "a star is a star");
    assert_eq!(verdict(&control, &roles(&["*"])), "deny role=*, line 2");
}

#[test]
fn networks_hold_their_addresses_however_they_are_written() {
    let control = acl("deny ip=10.0.0.0/8;\ndeny ip=192.168.1.7;\ndeny ip=2001:db8::/32;\n\
                       deny ip=::ffff:172.16.0.0/108;\nallow all;");
    for (text, line) in [
        ("10.255.0.1", 1),
        ("::ffff:10.0.0.1", 1),
        ("192.168.1.7", 2),
        ("2001:db8:1::1", 3),
        ("172.17.0.1", 4),
        ("::ffff:172.16.0.1", 4),
    ] {
        let said = verdict(&control, &address(text));
        assert!(said.ends_with(&format!("line {line}")), "{text}: {said}");
    }
    for text in ["11.0.0.1", "192.168.1.8", "2001:db9::1", "172.32.0.1", "::1", "::10.0.0.1"] {
        assert_eq!(verdict(&control, &address(text)), "allowed", "{text}");
    }
}

#[test]
fn a_flag_holds_if_it_is_neither_empty_nor_zero() {
    let control = acl("deny if=$x;\nallow all;");
    for (value, is_denied) in [("1", true), ("no", true), ("00", true), ("0", false), ("", false)] {
        let occurrence: &[&[u8]] = &[value.as_bytes()];
        let said = verdict(&control, &values(&[occurrence]));
        assert_eq!(said != "allowed", is_denied, "{value:?}");
    }
}

#[test]
fn a_repeated_flag_does_not_help_who_repeats_it() {
    let both: &[&[&[u8]]] = &[&[b"0", b"1"]];
    assert_eq!(verdict(&acl("deny if=$x;\nallow all;"), &values(both)), "deny if=$x, line 1");
    assert_eq!(verdict(&acl("allow if=$x;\ndeny all;"), &values(both)), "deny all, line 2");
}

#[test]
fn every_requirement_must_be_met() {
    let control = verify("require $a x y;\nrequire $b 7;");
    assert_eq!(verdict(&control, &values(&[&[b"y"], &[b"7"]])), "allowed");
    assert_eq!(verdict(&control, &values(&[&[b"y"], &[b"7.0"]])), "require $b 7, line 2");
    assert_eq!(verdict(&control, &values(&[&[b"z"], &[b"8"]])), "require $a x y, line 1");
    assert_eq!(verdict(&control, &values(&[&[b"X"], &[b"7"]])), "require $a x y, line 1");
}

#[test]
fn a_missing_required_value_fails() {
    let control = verify("require $a x;");
    let missing: [&[&[&[u8]]]; 4] = [&[], &[&[]], &[&[b""]], &[&[b"", b""]]];
    for missing in missing {
        let said = verdict(&control, &values(missing));
        assert_eq!(said, "require $a x, line 1: missing");
    }
    let control = verify("require_scope $a any x;");
    assert_eq!(verdict(&control, &Subject::default()), "require_scope $a any x, line 1: missing");
}

#[test]
fn every_occurrence_of_a_repeated_header_must_be_listed() {
    let control = verify("require $http_x_tenant acme globex;");
    assert_eq!(verdict(&control, &values(&[&[b"acme", b"globex"]])), "allowed");
    for bad in [&[&b"acme"[..], b"evil"][..], &[b"evil", b"acme"], &[b"acme", b""]] {
        let subject = [bad];
        let said = verdict(&control, &values(&subject));
        assert!(said.starts_with("require $http_x_tenant"), "{said}");
    }
    let control = verify("require_scope $http_x_scope any a;");
    assert_ne!(verdict(&control, &values(&[&[b"a", b"b"]])), "allowed");
}

#[test]
fn an_objection_says_where_what_and_what_was_found() {
    let control = verify("require $http_x_tenant acme globex;");
    let judgement = judge(&control, &tool_call("t"), &values(&[&[b"acme", b"evil\xff"]]));
    assert_eq!(
        judgement,
        Judgement::Denied(Objection {
            detail: "require $http_x_tenant acme globex, line 1".to_owned(),
            point: "header x-tenant".to_owned(),
            expected: "acme or globex".to_owned(),
            found: "evil\u{fffd}".to_owned(),
        })
    );
}

#[test]
fn scopes_are_split_at_spaces_or_taken_from_a_json_array() {
    let any = verify("require_scope $s any read write;");
    let all = verify("require_scope $s all read write;");
    for (value, has_any, has_all) in [
        ("read", true, false),
        ("read write", true, true),
        ("  other   write  read ", true, true),
        ("reader", false, false),
        ("READ", false, false),
        ("read,write", false, false),
        ("[\"write\",\"read\"]", true, true),
        (" [ \"re\\u0061d\" ]", true, false),
        ("[\"read write\"]", false, false),
        ("[\"read\"", false, false),
        ("[ read write", false, false),
        ("[]", false, false),
        ("[[\"read\"],{\"write\":1},7,null]", false, false),
    ] {
        let occurrence: &[&[u8]] = &[value.as_bytes()];
        assert_eq!(verdict(&any, &values(&[occurrence])) == "allowed", has_any, "any {value}");
        assert_eq!(verdict(&all, &values(&[occurrence])) == "allowed", has_all, "all {value}");
    }
}

#[test]
fn nested_arrays_of_hostile_depth_hold_no_scopes() {
    let control = verify("require_scope $s any read;");
    let deep = "[".repeat(100_000);
    let occurrence: &[&[u8]] = &[deep.as_bytes()];
    assert_ne!(verdict(&control, &values(&[occurrence])), "allowed");
}

fn catalogue() -> Catalogue {
    let mut builder = Catalogue::builder();
    let schema = |kind: &str| {
        format!(
            "{{\"type\":\"object\",\"properties\":{{\"id\":{{\"type\":\"{kind}\"}}}},\
             \"required\":[\"id\"]}}"
        )
    };
    builder.tool("crm", "delete_account", &schema("integer"), &[(&schema("string"), 1_000_000)]);
    builder.tool("crm", "remote", "{\"$ref\":\"https://example.com/schema\"}", &[]);
    builder.build()
}

/// What a tool input schema enforcement says of a call with these arguments, a second after the
/// schema changed.
fn enforced(block: &str, tool: &str, arguments: &str) -> Judgement {
    let control = control(ControlKind::ToolSchema, block);
    let catalogue = catalogue();
    let mut scanner = Scanner::new();
    let document = scanner.scan(arguments.as_bytes());
    let call = CallFacts { arguments: document.root(), now: 2_000_000, ..tool_call(tool) };
    let tools = ToolsOf(catalogue.tools("crm"));
    control.judge(&call, &Subject::default(), tools, &mut Budget::new(STEPS))
}

#[test]
fn an_undefined_tool_is_allowed_unless_denied() {
    assert_eq!(enforced("", "ghost", "{}"), Judgement::Allowed);
    let denied = enforced("\nundefined_tools deny;", "ghost", "{}");
    let Judgement::Denied(objection) = denied else { panic!("{denied:?}") };
    assert_eq!(objection.detail, "undefined_tools deny, line 2");
    assert_eq!((objection.point.as_str(), objection.found.as_str()), ("/params/name", "ghost"));
}

#[test]
fn before_any_list_was_seen_undefined_tools_cannot_be_told() {
    let nobody = Subject::default();
    let lenient = control(ControlKind::ToolSchema, "");
    assert_eq!(judge(&lenient, &tool_call("ghost"), &nobody), Judgement::Allowed);
    let strict = control(ControlKind::ToolSchema, "undefined_tools deny;");
    let unjudged = judge(&strict, &tool_call("ghost"), &nobody);
    assert_eq!(unjudged, Judgement::Unjudged(Unjudged::NoSchema));
}

#[test]
fn arguments_that_break_the_schema_are_denied_with_their_place() {
    assert_eq!(enforced("", "delete_account", "{\"id\":17}"), Judgement::Allowed);
    let denied = enforced("grace 0;", "delete_account", "{\"id\":\"17\"}");
    let Judgement::Denied(objection) = denied else { panic!("{denied:?}") };
    assert_eq!(objection.detail, "inputSchema, type");
    assert_eq!(objection.point, "/params/arguments/id");
    assert_eq!((objection.expected.as_str(), objection.found.as_str()), ("integer", "\"17\""));
    let missing = enforced("grace 0;", "delete_account", "{}");
    assert!(matches!(missing, Judgement::Denied(_)), "{missing:?}");
}

#[test]
fn a_schema_that_was_replaced_is_accepted_for_the_grace_time() {
    let arguments = "{\"id\":\"17\"}";
    assert_eq!(enforced("", "delete_account", arguments), Judgement::Allowed);
    assert_eq!(enforced("grace 2s;", "delete_account", arguments), Judgement::Allowed);
    let late = enforced("grace 1s;", "delete_account", arguments);
    assert!(matches!(late, Judgement::Denied(_)), "{late:?}");
}

#[test]
fn unknown_arguments_are_denied_where_that_is_said() {
    let arguments = "{\"id\":17,\"__proto__\":{\"admin\":true}}";
    assert_eq!(enforced("", "delete_account", arguments), Judgement::Allowed);
    let denied = enforced("unknown_arguments deny;\ngrace 0;", "delete_account", arguments);
    let Judgement::Denied(objection) = denied else { panic!("{denied:?}") };
    assert_eq!(objection.point, "/params/arguments/__proto__");
}

#[test]
fn a_schema_that_says_nothing_leaves_calls_unjudged() {
    assert_eq!(enforced("", "remote", "{}"), Judgement::Unjudged(Unjudged::SchemaCost));
}

#[test]
fn tool_schemas_cover_calls_of_tools_only() {
    let control = control(ControlKind::ToolSchema, "");
    assert!(control.covers("tools/call", Some("x")));
    assert!(control.covers("tools/call", None));
    for method in ["tools/list", "prompts/get", "resources/read", "tools/callx"] {
        assert!(!control.covers(method, Some("x")), "{method}");
    }
}

#[test]
fn what_is_not_recorded_is_judged_only_where_it_does_not_matter() {
    let control = acl("deny user=mallory;\nallow if=$x role=a;\ndeny role=b;\nallow all;");
    let unknown = Unknown { values: &[true], ..Unknown::default() };
    let judged = |subject: &Subject<'_>, unknown| {
        control.judge_partly(
            &tool_call("t"),
            subject,
            unknown,
            ToolsOf(None),
            &mut Budget::new(1000),
        )
    };
    assert_eq!(judged(&user("alice"), unknown), Judgement::Allowed);
    assert!(matches!(judged(&user("mallory"), unknown), Judgement::Denied(_)));
    let both = roles(&["a", "b"]);
    assert_eq!(judged(&both, unknown), Judgement::Unjudged(Unjudged::NotRecorded));
    assert_eq!(judged(&roles(&["a"]), unknown), Judgement::Allowed, "either way");
    let no_user = Unknown { user: true, ..Unknown::default() };
    assert_eq!(judged(&user("hash"), no_user), Judgement::Unjudged(Unjudged::NotRecorded));

    let verify = verify("require $a x;\nrequire $b y;");
    let first_unknown = Unknown { values: &[true, false], ..Unknown::default() };
    let judged = |values: &[&[&[u8]]]| {
        let budget = &mut Budget::new(1000);
        let subject = Subject { values, ..Subject::default() };
        verify.judge_partly(&tool_call("t"), &subject, first_unknown, ToolsOf(None), budget)
    };
    assert!(matches!(judged(&[&[], &[b"z"]]), Judgement::Denied(_)));
    let unjudged = judged(&[&[], &[b"y"]]);
    assert_eq!(unjudged, Judgement::Unjudged(Unjudged::NotRecorded));
}
