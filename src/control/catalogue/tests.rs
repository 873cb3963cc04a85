use protocol::Scanner;

use super::*;
use crate::schema::STEPS_MAX;

const TEXT: &str = r#"{"properties":{"n":{"type":"string"}}}"#;
const NUMBER: &str = r#"{"properties":{"n":{"type":"number"}}}"#;

fn judge(catalogue: &Catalogue, arguments: &str, grace_us: u64, now: Micros) -> SchemaVerdict {
    let mut scanner = Scanner::new();
    let tool = catalogue.tools("a/mcp").unwrap().get("t").unwrap();
    let arguments = scanner.scan(arguments.as_bytes()).root();
    tool.judge(arguments, UnknownArguments::Schema, grace_us, now, &mut Budget::new(STEPS_MAX))
}

#[test]
fn a_schema_that_was_replaced_counts_for_the_grace_time() {
    let mut builder = Catalogue::builder();
    builder.tool("a/mcp", "t", TEXT, &[(NUMBER, 1_000)]);
    let catalogue = builder.build();
    assert_eq!(judge(&catalogue, r#"{"n":"1"}"#, 0, 2_000), SchemaVerdict::Valid);
    assert_eq!(judge(&catalogue, r#"{"n":1}"#, 1_001, 2_000), SchemaVerdict::Valid);
    let SchemaVerdict::Invalid(violation) = judge(&catalogue, r#"{"n":1}"#, 1_000, 2_000) else {
        panic!("valid after the grace time");
    };
    assert_eq!(violation.expected, "string");
    let SchemaVerdict::Invalid(violation) = judge(&catalogue, r#"{"n":[]}"#, 1_001, 2_000) else {
        panic!("neither takes an array");
    };
    assert_eq!(violation.expected, "string");
}

#[test]
fn a_schema_in_force_for_other_users_counts_without_a_grace_time() {
    let mut builder = Catalogue::builder();
    builder.tool("a/mcp", "t", TEXT, &[(NUMBER, Micros::MAX)]);
    let catalogue = builder.build();
    assert_eq!(judge(&catalogue, r#"{"n":1}"#, 0, 2_000), SchemaVerdict::Valid);
    assert!(matches!(judge(&catalogue, r#"{"n":[]}"#, 0, 2_000), SchemaVerdict::Invalid(_)));
}

#[test]
fn a_tool_without_a_usable_schema_is_unjudged() {
    let mut builder = Catalogue::builder();
    builder.tool("a/mcp", "t", "", &[]);
    let no_schema = SchemaVerdict::Unjudged(SchemaUnjudged::NoSchema);
    assert_eq!(judge(&builder.build(), "{}", 0, 0), no_schema);
    let mut builder = Catalogue::builder();
    builder.tool("a/mcp", "t", r#"{"$ref":"http://example.com/s"}"#, &[(TEXT, 0)]);
    let catalogue = builder.build();
    let refused = SchemaVerdict::Unjudged(SchemaUnjudged::Refused(Refused::RemoteRef));
    assert_eq!(judge(&catalogue, r#"{"n":1}"#, 10, 5), refused);
    assert_eq!(judge(&catalogue, r#"{"n":""}"#, 10, 5), SchemaVerdict::Valid);
    assert_eq!(catalogue.figures().refused, 1);
}

#[test]
fn a_snapshot_shares_compiled_schemas_with_the_one_before() {
    let mut builder = Catalogue::builder();
    builder.tool("a/mcp", "t", TEXT, &[]);
    builder.tool("b/mcp", "t", TEXT, &[]);
    let before = builder.build();
    assert_eq!(before.figures().schemas, 1);
    let mut builder = before.next();
    builder.tool("a/mcp", "t", TEXT, &[]);
    builder.tool("a/mcp", "u", NUMBER, &[]);
    let after = builder.build();
    let schema = |catalogue: &Catalogue| {
        let tool = catalogue.tools("a/mcp").unwrap().get("t").unwrap();
        Arc::clone(tool.current.as_ref().unwrap())
    };
    assert!(Arc::ptr_eq(&schema(&before), &schema(&after)));
    assert_eq!(after.figures().schemas, 2);
}

#[test]
fn what_has_no_room_is_counted_and_not_taken_for_undefined() {
    let mut builder = Catalogue::builder();
    for tool in 0..=TOOLS_PER_SERVER_MAX {
        builder.tool("a/mcp", &format!("t{tool}"), TEXT, &[]);
    }
    for server in 0..SERVERS_MAX {
        builder.tool(&format!("s{server}/mcp"), "t", TEXT, &[]);
    }
    let catalogue = builder.build();
    assert_eq!(catalogue.figures().left_out, 2);
    assert_eq!(catalogue.figures().servers, SERVERS_MAX);
    let tools = catalogue.tools("a/mcp").unwrap();
    assert_eq!((tools.len(), tools.is_complete()), (TOOLS_PER_SERVER_MAX, false));
    assert!(!catalogue.tools("unheard.of/mcp").unwrap().is_complete());
    assert!(catalogue.tools("s1/mcp").unwrap().is_complete());
    assert!(Catalogue::default().tools("a/mcp").is_none());
}
