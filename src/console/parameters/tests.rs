use super::{Format, Parameters};
use crate::answer::{Answer, Problem};
use crate::table::{Accepts, ENDPOINTS, PARAMETERS};
use serde_json::Value;
use store::query::{PrimitiveStatus, Sort, State};

const ALL: &[Accepts] = &[
    Accepts::Range,
    Accepts::Filters,
    Accepts::Page,
    Accepts::Sort,
    Accepts::Format,
    Accepts::Payloads,
    Accepts::Facets,
    Accepts::Steps,
];

fn read(query: &str) -> Parameters {
    Parameters::read(query.as_bytes(), ALL).expect("a query that is right")
}

/// What a problem document says of a query: the parameter, and why.
fn refused(query: &[u8]) -> (String, String) {
    let problem = Parameters::read(query, ALL).expect_err("a query that is wrong");
    said(&problem)
}

fn said(problem: &Problem) -> (String, String) {
    let Answer { head, body } = problem.answer();
    assert_eq!(head.status, 400);
    assert_eq!(head.media_type, "application/problem+json");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let text = |name: &str| body[name].as_str().unwrap_or("").to_owned();
    (text("parameter"), text("detail"))
}

#[test]
fn every_filter_is_read() {
    let it = read(
        "from=2026-11-22T00:00:00Z&to=2026-11-23T00:00:00.5%2B01:00&server=crm&server=b&user=a%40b.c\
         &user=&role=admin&session_id=s+1&id_source=header&client=c&address=%3A%3A1&param.tenant=acme\
         &param.tenant=globex&param.x-y_z.1=1&request_id=5b&method=tools%2Fcall&primitive=delete_account\
         &outcome=ok&outcome=tool_error&status=200&status=404&attack=any&attack=ACL+violation\
         &control=only+admins&action=passed&action=blocked&state=open&state=idle&q=del",
    );
    let filter = it.filter;
    assert_eq!(filter.from, Some(1_795_305_600_000_000));
    assert_eq!(filter.to, Some(1_795_388_400_500_000));
    assert_eq!(filter.server, ["crm", "b"]);
    assert_eq!(filter.user, ["a@b.c", ""]);
    assert_eq!(filter.role, ["admin"]);
    assert_eq!(filter.session_id, ["s 1"]);
    assert_eq!(filter.id_source, ["header"]);
    assert_eq!(filter.client, ["c"]);
    assert_eq!(filter.address, ["::1"]);
    let params = [("tenant", vec!["acme", "globex"]), ("x-y_z.1", vec!["1"])]
        .map(|(name, values)| (name.to_owned(), values.into_iter().map(str::to_owned).collect()));
    assert_eq!(filter.param, params);
    assert_eq!(filter.request_id, ["5b"]);
    assert_eq!(filter.method, ["tools/call"]);
    assert_eq!(filter.primitive, ["delete_account"]);
    assert_eq!(filter.outcome, ["ok", "tool_error"]);
    assert_eq!(filter.status, [200, 404]);
    assert_eq!(filter.attack, ["any", "ACL violation"]);
    assert_eq!(filter.control, ["only admins"]);
    assert_eq!(filter.action, ["passed", "blocked"]);
    assert_eq!(filter.state, [State::Open, State::Idle]);
    assert_eq!(filter.q.as_deref(), Some("del"));
}

#[test]
fn the_rest_is_read() {
    let it = read(
        "limit=500&cursor=abc&sort=bytes&format=csv&payloads=false&field=user&field=param.t&contains=x&steps=7",
    );
    assert_eq!((it.limit, it.page_items(), it.steps), (Some(500), 500, 7));
    assert_eq!((it.cursor.as_deref(), it.contains.as_deref()), (Some("abc"), Some("x")));
    assert_eq!((it.sort, it.format, it.with_payloads), (Sort::Bytes, Format::Csv, false));
    assert_eq!(it.fields, ["user", "param.t"]);
    let it = read("&&");
    assert_eq!((it.page_items(), it.sort, it.format), (50, Sort::Newest, Format::Json));
    assert!(
        it.with_payloads && it.cursor.is_none() && it.filter == store::query::Filter::default()
    );
}

#[test]
fn what_is_wrong_is_named() {
    for (query, parameter, why) in [
        ("colour=red", "colour", "it is not one of from, to, server"),
        ("from=yesterday", "from", "\"yesterday\" is not a time of RFC 3339"),
        ("from=2026-11-22T00:00:00+01:00", "from", "is written %2B"),
        ("from=2026-11-22", "from", "is not a time"),
        ("to=2026-13-22T00:00:00Z", "to", "is not a time"),
        ("from=2026-11-22T00:00:00Z&to=2026-11-22T00:00:00Z", "to", "later than from"),
        ("from=2026-11-22T00:00:00Z&from=2026-11-22T00:00:00Z", "from", "more than once"),
        ("limit=0", "limit", "from 1 to 500"),
        ("limit=501", "limit", "from 1 to 500"),
        ("limit=%2B5", "limit", "from 1 to 500"),
        ("limit=", "limit", "from 1 to 500"),
        ("limit=99999999999999999999", "limit", "from 1 to 500"),
        ("limit=5&limit=5", "limit", "more than once"),
        ("status=99", "status", "from 100 to 599"),
        ("status=abc", "status", "from 100 to 599"),
        ("outcome=good", "outcome", "not one of ok, tool_error"),
        ("id_source=cookie", "id_source", "not one of configured, header"),
        ("state=closed", "state", "not one of open, ended, idle"),
        ("attack=all", "attack", "not one of any, ACL violation"),
        ("action=denied", "action", "not one of passed, blocked"),
        ("sort=name", "sort", "not one of newest, duration, bytes"),
        ("format=xml", "format", "not one of json, csv, ndjson"),
        ("payloads=yes", "payloads", "not one of true, false"),
        ("field=password", "field", "not one of server, user"),
        ("field=param.", "field", "not one of server, user"),
        ("steps=0", "steps", "from 1 to 1000"),
        ("param.=x", "param.", "not the name of an mcp_param"),
        ("param.a%20b=x", "param.a b", "not the name of an mcp_param"),
        ("param.a%27=x", "param.a'", "not the name of an mcp_param"),
        ("user=%ff", "user", "not UTF-8"),
        ("%ff=1", "%ff", "not UTF-8"),
        ("q=a&q=b", "q", "more than once"),
        ("User=alice", "User", "it is not one of"),
        ("=x", "", "it is not one of"),
    ] {
        let (named, said) = refused(query.as_bytes());
        assert_eq!(named, parameter, "{query}");
        assert!(said.contains(why), "{query}: {said}");
    }
}

#[test]
fn everything_has_a_limit() {
    let long = "x".repeat(4097);
    let many = "user=a&".repeat(201);
    let endless = "user=a&".repeat(10_000);
    let params: String = (0..21).map(|n| format!("param.p{n}=1&")).collect();
    for (query, parameter, why) in [
        (format!("user={long}"), "user", "over 4096 bytes"),
        (format!("param.t={long}"), "param.t", "over 4096 bytes"),
        (format!("q={}", &long[..257]), "q", "over 256 bytes"),
        (format!("contains={}", &long[..257]), "contains", "over 256 bytes"),
        (format!("cursor={long}"), "cursor", "over 4096 bytes"),
        (many, "user", "over 200 values in all"),
        (endless, "", "over 65536 bytes"),
        (params, "param.p20", "over 20 different"),
        (format!("param.{}=1", &long[..65]), "param.", "not the name of an mcp_param"),
        (format!("{long}=1"), "xxx", "it is not one of"),
    ] {
        let (named, said) = refused(query.as_bytes());
        assert!(named.starts_with(parameter) && named.chars().count() <= 65, "{named}");
        assert!(said.contains(why) && said.len() < 600, "{said}");
    }
    assert_eq!(read(&"user=a&".repeat(200)).filter.user.len(), 200);
    assert_eq!(read(&format!("user={}", &long[1..])).filter.user.len(), 1);
}

#[test]
fn an_endpoint_takes_its_own_parameters_only() {
    for endpoint in ENDPOINTS {
        for parameter in PARAMETERS {
            let name = parameter.name.replace("NAME", "tenant");
            let accepted = crate::table::parameter(&name, endpoint.accepts);
            let read = Parameters::read(format!("{name}=%00").as_bytes(), endpoint.accepts);
            match (accepted, read) {
                (Some(_), _) => {}
                (None, read) => {
                    let problem = read.expect_err("not accepted");
                    assert_eq!(said(&problem).0, name, "{}", endpoint.path);
                }
            }
        }
    }
    let problem = Parameters::read(b"a=1", &[]).expect_err("nothing is accepted");
    assert_eq!(said(&problem), ("a".into(), "nothing is asked here with parameters".into()));
}

#[test]
fn one_primitive_is_named_by_kind_and_name() {
    let named = |query: &str| Parameters::read(query.as_bytes(), &[Accepts::Named]);
    let found = named("name=db%3A%2F%2F%7Bt%7D&kind=template").expect("both are there");
    assert_eq!((&*found.kind, &*found.name), ("template", "db://{t}"));
    for (query, parameter, why) in [
        ("", "kind", "has to be there"),
        ("kind=tool", "name", "has to be there"),
        ("kind=tool&name=", "name", "has to be there"),
        ("kind=task&name=a", "kind", "not one of tool, resource, template, prompt"),
        ("kind=tool&name=a&name=b", "name", "more than once"),
    ] {
        let (there, detail) = said(&named(query).expect_err(query));
        assert_eq!(there, parameter, "{query}");
        assert!(detail.contains(why), "{query}: {detail}");
    }
}

#[test]
fn statuses_of_primitives_are_words() {
    let query = b"primitive_status=new&primitive_status=unlisted";
    let found = Parameters::read(query, &[Accepts::Status]).expect("statuses");
    assert_eq!(found.statuses, [PrimitiveStatus::New, PrimitiveStatus::Unlisted]);
    let problem = Parameters::read(b"primitive_status=old", &[Accepts::Status]).expect_err("none");
    assert!(said(&problem).1.contains("not one of new, changed, unused, active, unlisted"));
}
