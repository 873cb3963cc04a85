//! Drafts: whole configurations, parts of them, and what is wrong.

use super::*;
use proptest::prelude::*;
use std::fs;

fn read(conf: &[u8]) -> Result<Draft, ConfError> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nginx.conf");
    fs::write(&file, conf).expect("a file");
    Draft::read(&file)
}

fn error(conf: &str) -> String {
    read(conf.as_bytes()).expect_err(conf).to_string()
}

#[test]
fn a_whole_configuration_is_read_past_what_has_nothing_to_do_with_controls() {
    let draft = read(
        br#"load_module modules/x.so;
            events { worker_connections 10; }
            http {
                map $http_x $y { default 0; "~^a{2}" 1; }
                types { text/html html; }
                upstream b { server 127.0.0.1:1; }
                log_format main '$remote_addr "$request" {';
                server {
                    server_name a.test;
                    location /lua { content_by_lua_block { if x then y = "}" end } }
                    location /mcp {
                        if ($request_method = PUT) { return 405; }
                        limit_except GET { deny all; }
                        mcp_acl "only admins" { # who else
                            primitives delete_*; allow role=admin;
                            deny all;
                        }
                    }
                }
            }
            stream { server { listen 1; } }"#,
    )
    .expect("a draft");
    let [control] = draft.controls.as_slice() else { panic!("{:?}", draft.controls) };
    assert_eq!((control.title(), control.place()), ("only admins", "nginx.conf:14"));
    assert!(control.text().starts_with("mcp_acl \"only admins\" {"), "{}", control.text());
    assert!(control.text().ends_with('}'));
    assert_eq!(draft.notes, []);
}

#[test]
fn what_is_wrong_is_said_with_file_and_line() {
    for (conf, said) in [
        ("", "write the controls to be tried in nginx.conf:0"),
        ("server {", "has no end"),
        ("server { }\n}", "unexpected \"}\" in nginx.conf:2"),
        ("mcp_acl x { deny all; }\nmcp_acl x { deny all; }", "has the title \"x\""),
        ("mcp_acl x { deny all;\n", "has no end"),
        ("mcp_acl x;", "has no block"),
        ("mcp_acl { deny all; }", "takes one title"),
        ("mcp_acl x {\n deny everyone;\n}", "nginx.conf:2"),
        ("mcp_acl x { if { } }", "unexpected \"{\""),
        ("mcp_acl x { deny all }", "unexpected \"}\""),
        ("http { mcp_acl x { deny all; } }", "write it in a server or location"),
        ("http { }\nmcp_acl x { deny all; }", "write it in a server or location"),
        ("server { if ($x) { mcp_acl x { deny all; } } }", "is not allowed here"),
        ("server_name 'a", "has no end"),
        ("server_name a", "write the \";\" that is missing"),
        ("include;", "takes one file"),
    ] {
        assert!(error(conf).contains(said), "{conf}\n{}", error(conf));
    }
}

#[test]
fn includes_are_read_by_pattern_and_relative_to_the_draft() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write("nginx.conf", "include conf.d/*.conf;\ninclude gone.conf;\ninclude none*.conf;");
    write("conf.d/b.conf", "mcp_acl b {\n deny all; }");
    write("conf.d/a.conf", "\nmcp_acl a { allow role=x; }\ninclude conf.d/deep/x;");
    write("conf.d/deep/x", "mcp_acl x { deny all; }");
    write("conf.d/.hidden.conf", "mcp_acl hidden { deny all; }");
    let draft = Draft::read(&folder.path().join("nginx.conf")).expect("a draft");
    let places: Vec<&str> = draft.controls.iter().map(Control::place).collect();
    assert_eq!(places, ["a.conf:2", "x:1", "b.conf:1"]);
    let notes: Vec<&str> = draft.notes.iter().map(|note| note.place.as_str()).collect();
    assert_eq!(notes, ["a.conf:2", "nginx.conf:2"], "{:?}", draft.notes);
}

#[test]
fn lines_of_a_control_may_be_included() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nginx.conf");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
    write("nginx.conf", "mcp_acl x { include who.conf; deny all; }").expect("a file");
    write("who.conf", "allow role=a;\n\nallow role=b*;").expect("a file");
    let draft = Draft::read(&file).expect("a draft");
    assert_eq!(draft.controls.len(), 1);
    assert_eq!(draft.notes[0].place, "who.conf:3", "{:?}", draft.notes);
    write("who.conf", "\nallow everyone;").expect("a file");
    let error = Draft::read(&file).expect_err("a wrong line").to_string();
    assert!(error.ends_with("in who.conf:2"), "{error}");
    write("who.conf", "include who.conf;").expect("a file");
    let error = Draft::read(&file).expect_err("itself").to_string();
    assert!(error.contains("in one another"), "{error}");
}

#[test]
fn files_that_include_one_another_come_to_an_end() {
    let error = error("include nginx.conf;");
    assert!(error.contains("in one another"), "{error}");
}

#[test]
fn blocks_of_hostile_depth_come_to_an_end() {
    let error = error(&"server { ".repeat(100_000));
    assert!(error.contains("in one another"), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let error = Draft::read(Path::new("/nowhere/nginx.conf")).expect_err("none").to_string();
    assert!(error.contains("cannot read /nowhere/nginx.conf"), "{error}");
}

proptest! {
    #[test]
    fn no_text_makes_it_fail_otherwise_than_with_an_error(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "server", "location", "http", "{", "}", ";", " ", "\n", "mcp_acl", "t", "deny",
                "all", "\"", "'", "#", "\\", "$", "~", "=", "/mcp", "mcp_verify", "require",
            ]),
            0..60,
        )
    ) {
        let _ = read(pieces.concat().as_bytes());
    }
}
