//! How lines are read: what is right, what is wrong, what is said then.

use crate::support::{acl, control, parse, verify};
use control::ControlKind::{self, Acl, ToolSchema, Verify};
use control::{Control, Line, LineError, NAMES_MAX, TITLE_BYTES_MAX, VALUES_MAX, WARNINGS_MAX};
use record::Mode;

fn error(kind: ControlKind, block: &str) -> (Option<u32>, String) {
    match parse(kind, block) {
        Ok(_) => panic!("accepted: {block}"),
        Err(error) => (error.line, error.to_string()),
    }
}

/// The line is refused, and the message has these words.
fn refused(kind: ControlKind, block: &str, line: u32, words: &str) {
    let (at, message) = error(kind, block);
    assert!(message.contains(words), "{block}\n{message}");
    assert!(message.contains("write") || message.contains("takes"), "no advice: {message}");
    assert_eq!(at, Some(line), "{message}");
}

fn warnings(kind: ControlKind, block: &str) -> Vec<(Option<u32>, String)> {
    let (_, warnings) = parse(kind, block).expect("a control");
    warnings.into_iter().map(|warning| (warning.line, warning.message)).collect()
}

fn warned(kind: ControlKind, block: &str, line: u32, words: &str) {
    let warnings = warnings(kind, block);
    let is_found = warnings.iter().any(|(at, said)| *at == Some(line) && said.contains(words));
    assert!(is_found, "{block}\n{warnings:?}");
}

#[test]
fn the_contracts_examples_are_read_without_a_warning() {
    let blocks = [
        (
            Acl,
            "methods tools/call;
             primitives delete_*;
             allow role=admin ip=10.0.0.0/8;
             deny all;",
        ),
        (
            Verify,
            "methods tools/* resources/*;
             require $mcp_jwt_tenant acme globex;
             require_scope $mcp_jwt_scope any mcp:read mcp:write;
             mode monitoring;",
        ),
        (
            ToolSchema,
            "tools *;
             unknown_arguments deny;
             undefined_tools deny;
             grace 15m;",
        ),
        (ToolSchema, ""),
    ];
    for (kind, block) in blocks {
        assert_eq!(warnings(kind, block), [], "{block}");
    }
}

#[test]
fn a_control_says_what_it_was_made_of() {
    let control = verify("require $a x;\nrequire_scope $b any y;\nrequire ${a}:$b z;");
    assert_eq!(control.values(), ["$a", "$b", "${a}:$b"]);
    assert_eq!(
        (control.kind(), control.title(), control.place()),
        (Verify, "title", "nginx.conf:17")
    );
    assert!(control.text().starts_with("require $a x;"));
    let control = acl("allow if=$x role=a;\ndeny if=$y;\ndeny if=$x;\ndeny all;");
    assert_eq!(control.values(), ["$x", "$y"]);
}

#[test]
fn a_control_is_never_stricter_than_its_level() {
    for (said, own) in
        [("off", Mode::Off), ("monitoring", Mode::Monitoring), ("block", Mode::Block)]
    {
        let control = acl(&format!("mode {said};\ndeny all;"));
        assert_eq!(control.own_mode(), Some(own));
        for level in Mode::ALL {
            assert_eq!(control.mode_at(level), own.min(level));
        }
    }
    let control = acl("deny all;");
    assert_eq!((control.own_mode(), control.mode_at(Mode::Block)), (None, Mode::Block));
}

#[test]
fn a_line_of_another_kind_is_refused_with_its_place() {
    refused(Acl, "deny all;\nrequire $x a;", 2, "belongs in mcp_verify");
    refused(Acl, "require_scope $x any a;", 1, "belongs in mcp_verify");
    refused(Acl, "grace 15m;", 1, "belongs in mcp_tool_schema");
    refused(Acl, "tools a;", 1, "write primitives");
    refused(Verify, "allow all;", 1, "belongs in mcp_acl");
    refused(Verify, "undefined_tools deny;", 1, "belongs in mcp_tool_schema");
    refused(ToolSchema, "deny all;", 1, "belongs in mcp_acl");
    refused(ToolSchema, "primitives a;", 1, "write tools");
    let (line, message) = error(ToolSchema, "methods tools/call;");
    assert_eq!(line, Some(1));
    assert!(message.contains("covers tools/call"), "{message}");
}

#[test]
fn an_unknown_line_or_condition_is_refused_with_what_there_is() {
    refused(Acl, "deny all;\n\nalow all;", 3, "unknown line \"alow\"");
    refused(Acl, "Deny all;", 1, "unknown line \"Deny\"");
    refused(Acl, "deny usr=bob;", 1, "unknown condition \"usr=bob\"");
    refused(Acl, "deny User=bob;", 1, "unknown condition");
    refused(Acl, "deny admin;", 1, "unknown condition \"admin\"");
    refused(Acl, "deny 10.0.0.0/8;", 1, "write ip=10.0.0.0/8");
    refused(Acl, "deny $blocked;", 1, "write if=$blocked");
    refused(Acl, "deny;", 1, "no condition");
    refused(Acl, "deny all user=bob;", 1, "\"all\" and other conditions");
    refused(Acl, "deny user=;", 1, "has no value");
    refused(Acl, "deny if=1;", 1, "has no variable");
    refused(Acl, "allow user=a user=b;", 1, "a line for each");
    refused(Acl, "allow ip=10.0.0.1 ip=10.0.0.2;", 1, "a line for each");
    refused(Acl, "allow role=a role=a;", 1, "a line for each");
    refused(ToolSchema, "grace 15 m;", 1, "a value too many");
    refused(ToolSchema, "grace soon;", 1, "invalid grace \"soon\"");
    refused(ToolSchema, "grace 25h;", 1, "invalid grace");
    refused(ToolSchema, "unknown_arguments allow;", 1, "write schema or deny");
    refused(ToolSchema, "undefined_tools;", 1, "write allow or deny");
    refused(Acl, "mode on;\ndeny all;", 1, "invalid mode \"on\"");
    refused(Acl, "mode;", 1, "has no value");
    refused(Acl, "methods;\ndeny all;", 1, "names none");
    refused(Acl, "primitives \"\";\ndeny all;", 1, "empty name");
}

#[test]
fn an_address_that_is_none_is_refused() {
    for address in
        ["10.0.0", "10.0.0.0/33", "10.0.0.256", "localhost", "::1/129", "10.0.0.0/", "/8"]
    {
        refused(Acl, &format!("deny ip={address};"), 1, "invalid address");
    }
    warned(Acl, "deny ip=10.0.0.7/8;", 1, "write ip=10.0.0.0/8");
}

#[test]
fn a_requirement_needs_a_variable_and_something_listed() {
    refused(Verify, "require;", 1, "requires nothing");
    refused(Verify, "require tenant acme;", 1, "has no variable");
    refused(Verify, "require $x;", 1, "lists nothing");
    refused(Verify, "require $x a \"\";", 1, "empty value");
    refused(Verify, "require $x a $y;", 1, "variables are not evaluated");
    refused(Verify, "require_scope $x mcp:read;", 1, "neither all nor any");
    refused(Verify, "require_scope $x all;", 1, "lists nothing");
    refused(Verify, "require_scope $x;", 1, "lists no scope");
    refused(Verify, "require_scope $x any \"a b\";", 1, "has a space");
    warned(Verify, "require $x a a;", 1, "listed twice");
    warned(Verify, "require $x a;\nrequire $x b;", 2, "line 1 requires the same");
    assert_eq!(warnings(Verify, "require_scope $x any a b;\nrequire_scope $x any c;"), []);
}

#[test]
fn what_may_be_said_once_is_refused_the_second_time() {
    refused(Acl, "mode off;\ndeny all;\nmode block;", 3, "said in line 1");
    refused(ToolSchema, "grace 1m;\ngrace 2m;", 2, "said in line 1");
    refused(ToolSchema, "undefined_tools deny;\nundefined_tools deny;", 2, "said in line 1");
    refused(ToolSchema, "unknown_arguments deny;\nunknown_arguments deny;", 2, "said in line 1");
    warned(Acl, "primitives a b;\nprimitives c a;\ndeny all;", 2, "\"a\" twice");
}

#[test]
fn a_control_that_does_nothing_is_refused() {
    for (kind, block) in [(Acl, ""), (Acl, "methods *;"), (Verify, ""), (Verify, "mode block;")] {
        let (line, message) = error(kind, block);
        assert_eq!(line, None);
        assert!(message.contains("write"), "{message}");
    }
}

#[test]
fn lines_that_are_never_reached_are_warned_of() {
    warned(Acl, "allow all;\nallow user=a;\ndeny all;", 2, "line 1 decides all");
    warned(Acl, "allow role=a;\ndeny user=b role=a;\ndeny all;", 2, "line 1 decides before");
    warned(Acl, "allow role=a user=b;\ndeny user=b role=a;\ndeny all;", 2, "line 1 decides");
    assert_eq!(warnings(Acl, "allow role=a user=b;\ndeny role=a;\ndeny all;"), []);
}

#[test]
fn allow_lines_without_deny_all_are_warned_of() {
    warned(Acl, "allow role=a;", 1, "end with deny all");
    warned(Acl, "deny user=b;\nallow role=a;\ndeny role=c;", 2, "end with deny all");
    assert_eq!(warnings(Acl, "deny role=guest;\nallow all;"), []);
    assert_eq!(warnings(Acl, "deny role=guest;"), []);
}

#[test]
fn signs_that_have_no_meaning_are_warned_of() {
    warned(Acl, "deny user=*@example.com;", 1, "stands for itself");
    warned(Acl, "deny user=$remote_user;", 1, "only if= takes variables");
    warned(Verify, "require $x acme*;", 1, "stands for itself");
    warned(Acl, "deny if=$mcp_primitive;", 1, "the first call only");
}

#[test]
fn a_title_is_short_text() {
    let parse = |title: &str| {
        let line = Line { number: 1, words: vec!["deny".to_owned(), "all".to_owned()] };
        Control::parse(Acl, title, "", "", &[line]).map(|_| ())
    };
    let long = "x".repeat(TITLE_BYTES_MAX + 1);
    for title in ["", "  ", "a\nb", "a\u{1b}[31m", "\u{85}", &long] {
        let LineError { line, message } = parse(title).expect_err(title);
        assert!(line.is_none() && message.contains("write"), "{message}");
        assert!(!message.chars().any(char::is_control), "{message:?}");
    }
    assert_eq!(parse("nur Admins löschen — immer"), Ok(()));
}

#[test]
fn what_is_too_much_is_refused_at_its_line() {
    let many: String = (0..=VALUES_MAX).map(|n| format!("deny if=$v{n};\n")).collect();
    refused(Acl, &many, VALUES_MAX as u32 + 1, "different variables");
    let names = (0..=NAMES_MAX).map(|n| format!(" n{n}")).collect::<String>();
    refused(Acl, &format!("primitives{names};\ndeny all;"), 1, "names in one control");
    let roles = (0..40).map(|n| format!(" role=r{n}")).collect::<String>();
    refused(Acl, &format!("allow{roles};"), 1, "conditions in one line");
}

#[test]
fn warnings_are_bounded_and_the_rest_counted() {
    let many: String = (0..100).map(|n| format!("deny user=*{n};\n")).collect();
    let warnings = warnings(Acl, &many);
    assert_eq!(warnings.len(), WARNINGS_MAX + 1);
    assert!(warnings.last().expect("a last").1.contains("80 more"), "{warnings:?}");
}

#[test]
fn messages_show_hostile_words_escaped_and_short() {
    let (_, message) = error(Acl, &format!("deny \u{1b}[31m{}=x;", "y".repeat(10_000)));
    assert!(message.len() < 300 && !message.contains('\u{1b}'), "{message:?}");
}

#[test]
fn lists_of_names_add_up_over_lines() {
    let control = control(ToolSchema, "tools a b;\ntools c*;");
    for name in ["a", "b", "cc"] {
        assert!(control.covers("tools/call", Some(name)), "{name}");
    }
    assert!(!control.covers("tools/call", Some("d")));
}
