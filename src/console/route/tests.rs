use super::{Console, Step};
use crate::answer::Answer;
use crate::request::{Method, Request};
use crate::table::Asks;
use crate::work::{Kind, Known, Subject, Work};
use serde_json::Value;

fn request<'a>(path: &'a str, query: &'a str) -> Request<'a> {
    Request {
        method: Method::Get,
        path: path.as_bytes(),
        place: b"/c/",
        query: query.as_bytes(),
        is_local: true,
        host: b"localhost",
        is_host_named: false,
        authority: b"localhost:8080",
        scheme: b"http",
        origin: b"",
        fetch_site: b"",
        fetch_mode: b"",
        fetch_dest: b"",
        accept_encoding: b"",
        last_event_id: b"",
        now: 0,
    }
}

fn ask(request: &Request<'_>) -> Step {
    Console::new(Vec::new(), false).ask(request, Known::default)
}

fn answer(request: &Request<'_>) -> Answer {
    match ask(request) {
        Step::Answer(answer) => answer,
        Step::Work(work) => panic!("{work:?}"),
    }
}

fn work(path: &str, query: &str) -> Box<Work> {
    match ask(&request(path, query)) {
        Step::Work(work) => work,
        Step::Answer(answer) => panic!("{answer:?}"),
    }
}

fn status(request: &Request<'_>) -> u16 {
    match ask(request) {
        Step::Answer(answer) => answer.head.status,
        Step::Work(_) => 0,
    }
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.head.headers.iter().find(|(it, _)| *it == name).map(|(_, value)| &**value)
}

#[test]
fn every_path_of_the_contract_leads_to_its_question() {
    let part = || Subject::Part("2026-11-22.184".parse().expect("a part"));
    for (path, asks, subject) in [
        ("sessions", Asks::Sessions, Subject::None),
        ("sessions/2026-11-22.184", Asks::Session, part()),
        ("sessions/2026-11-22.184/calls", Asks::SessionCalls, part()),
        ("calls", Asks::Calls, Subject::None),
        (
            "calls/2026-11-22.184.7",
            Asks::Call,
            Subject::Call("2026-11-22.184.7".parse().expect("id")),
        ),
        ("attacks", Asks::Attacks, Subject::None),
        (
            "attacks/2026-11-22.a9",
            Asks::Attack,
            Subject::Attack("2026-11-22.a9".parse().expect("id")),
        ),
        ("controls", Asks::Controls, Subject::None),
        ("servers", Asks::Servers, Subject::None),
        ("servers/x1", Asks::Server, Subject::Server("x1".into())),
        ("servers/x1/primitives", Asks::Primitives, Subject::Server("x1".into())),
        ("agents", Asks::Agents, Subject::None),
        ("facets", Asks::Facets, Subject::None),
        ("timeline", Asks::Timeline, Subject::None),
        ("stats", Asks::Stats, Subject::None),
        ("live", Asks::Live, Subject::None),
    ] {
        let work = work(&format!("/c/api/v1/{path}"), "");
        assert_eq!((work.asks, &work.subject), (asks, &subject), "{path}");
        assert_eq!(work.kind(), if asks == Asks::Live { Kind::Live } else { Kind::Query });
    }
    let history = work("/c/api/v1/servers/x1/history", "kind=tool&name=a%2Fb");
    assert_eq!((history.asks, &history.subject), (Asks::History, &Subject::Server("x1".into())));
    assert_eq!((&*history.parameters.kind, &*history.parameters.name), ("tool", "a/b"));
    assert_eq!(work("/c/api/v1/calls", "format=csv").kind(), Kind::Export);
    let description = answer(&request("/c/api/v1/openapi.json", ""));
    assert_eq!((description.head.status, description.head.media_type), (200, "application/json"));
}

#[test]
fn what_is_not_there_is_a_problem() {
    for path in [
        "/c/api/v1/",
        "/c/api/v1/nothing",
        "/c/api/v1/sessions/",
        "/c/api/v1/sessions/x",
        "/c/api/v2/x",
        "/c/api/v1/sessions/2026-11-22.184/calls/",
        "/c/api/v1/sessions/2026-11-22.0184",
        "/c/api/v1/calls/2026-11-22.184",
        "/c/api/v1/attacks/2026-11-22.9",
        "/c/api/v1/servers//primitives",
        "/c/assets/none.js",
        "/c/nothing",
        "/c/../etc/passwd",
        "/c/api/v1/sessions/2026-13-22.1",
        "/c/api/v1/sessions/2026-11-22.-1",
        "/c/api/v1/sessions/2026-11-22.99999999999999999999",
    ] {
        let answer = answer(&request(path, ""));
        assert_eq!(answer.head.status, 404, "{path}");
        assert_eq!(answer.head.media_type, "application/problem+json");
        let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!(body["status"], 404);
    }
}

#[test]
fn any_place_will_do() {
    for (place, path, is_found) in [
        ("/", "/api/v1/calls", true),
        ("/c", "/c/api/v1/calls", true),
        ("/a/b c/", "/a/b c/api/v1/calls", true),
        // A location given as a regular expression.
        ("", "/x/y/api/v1/calls", true),
        ("/c/", "/c/x/api/v1/calls", false),
    ] {
        let mut request = request(path, "");
        request.place = place.as_bytes();
        assert_eq!(status(&request) == 0, is_found, "{place} {path}");
    }
    for (place, path) in [("/", "/"), ("/c/", "/c/"), ("/c/", "/c/index.html"), ("", "/x/y/")] {
        let mut request = request(path, "");
        request.place = place.as_bytes();
        let answer = answer(&request);
        assert_eq!(answer.head.status, 200, "{place} {path}");
        assert_eq!(answer.head.media_type, "text/html; charset=utf-8");
    }
    // Relative addresses need the slash.
    let mut bare = request("/x/c:d", "");
    bare.place = b"/x/c:d";
    let answer = answer(&bare);
    assert_eq!(answer.head.status, 308);
    assert_eq!(header(&answer, "Location"), Some("./c%3Ad/"));
}

#[test]
fn only_reading_is_possible() {
    let mut post = request("/c/api/v1/calls", "");
    post.method = Method::Other;
    let refused = answer(&post);
    assert_eq!(refused.head.status, 405);
    assert_eq!(header(&refused, "Allow"), Some("GET, HEAD"));
    post.method = Method::Head;
    assert_eq!(status(&post), 0);
}

#[test]
fn other_machines_are_answered_where_any_may_ask() {
    let mut far = request("/c/api/v1/calls", "");
    far.is_local = false;
    assert_eq!(status(&far), 403);
    far.path = b"/c/";
    assert_eq!(status(&far), 403);
    let open = Console::new(Vec::new(), true);
    assert!(matches!(open.ask(&far, Known::default), Step::Answer(it) if it.head.status == 200));
}

#[test]
fn only_hosts_that_no_stranger_can_have_are_known() {
    for (host, is_named, is_known) in [
        ("localhost", false, true),
        ("a.localhost", false, true),
        ("127.0.0.1", false, true),
        ("[::1]", false, true),
        ("192.0.2.7", false, true),
        ("evil.example", false, false),
        ("console.example", true, true),
        ("127.0.0.1.evil.example", false, false),
        ("localhost.evil.example", false, false),
        ("xlocalhost", false, false),
        ("", false, false),
    ] {
        let mut request = request("/c/api/v1/calls", "");
        (request.host, request.is_host_named) = (host.as_bytes(), is_named);
        assert_eq!(status(&request), if is_known { 0 } else { 421 }, "{host}");
        request.path = b"/c/";
        assert_eq!(status(&request), if is_known { 200 } else { 421 }, "{host}");
    }
}

#[test]
fn other_sites_get_nothing_but_a_link_to_the_page() {
    let api = "/c/api/v1/calls";
    for (path, site, mode, dest, expected) in [
        (api, "", "", "", 0),
        (api, "same-origin", "cors", "empty", 0),
        (api, "none", "navigate", "document", 0),
        (api, "cross-site", "cors", "empty", 403),
        (api, "cross-site", "no-cors", "image", 403),
        (api, "cross-site", "navigate", "document", 403),
        (api, "same-site", "cors", "empty", 403),
        (api, "Same-Origin", "cors", "empty", 403),
        ("/c/", "cross-site", "navigate", "document", 200),
        ("/c/", "cross-site", "", "", 403),
        ("/c/", "cross-site", "navigate", "iframe", 403),
        ("/c/", "cross-site", "no-cors", "script", 403),
        ("/c/", "same-site", "navigate", "document", 200),
    ] {
        let mut request = request(path, "");
        request.fetch_site = site.as_bytes();
        request.fetch_mode = mode.as_bytes();
        request.fetch_dest = dest.as_bytes();
        assert_eq!(status(&request), expected, "{path} {site} {mode} {dest}");
    }
    for (origin, expected) in [
        ("http://localhost:8080", 0),
        ("https://localhost:8080", 403),
        ("http://localhost", 403),
        ("http://evil.example", 403),
        ("null", 403),
    ] {
        let mut request = request(api, "");
        request.origin = origin.as_bytes();
        assert_eq!(status(&request), expected, "{origin}");
        request.fetch_site = b"same-origin";
        assert_eq!(status(&request), expected, "{origin}");
    }
}

#[test]
fn answers_are_safe_and_data_is_not_kept() {
    let safe = [
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ];
    for path in ["/c/", "/c/nothing", "/c/api/v1/openapi.json", "/c/api/v1/calls/x"] {
        let answer = answer(&request(path, ""));
        for (name, value) in safe {
            assert_eq!(header(&answer, name), Some(value), "{path}");
        }
        let policy = header(&answer, "Content-Security-Policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let is_page = path == "/c/";
        let caching = if is_page { "no-cache" } else { "no-store" };
        assert_eq!(header(&answer, "Cache-Control"), Some(caching), "{path}");
    }
}

#[test]
fn gzip_goes_to_who_takes_it() {
    for (takes, is_gzip) in [
        ("", false),
        ("gzip", true),
        ("deflate, GZIP;q=0.5", true),
        ("gzip;q=0", false),
        ("gzip;q=0.000, br", false),
        ("*", true),
        ("*;q=0", false),
        ("identity", false),
    ] {
        let mut request = request("/c/", "");
        request.accept_encoding = takes.as_bytes();
        let answer = answer(&request);
        assert_eq!(header(&answer, "Content-Encoding").is_some(), is_gzip, "{takes}");
        let tag = header(&answer, "ETag").expect("a tag");
        assert_eq!(tag.contains("gzip"), is_gzip);
        assert_eq!(answer.body.starts_with(&[0x1f, 0x8b]), is_gzip);
    }
}
