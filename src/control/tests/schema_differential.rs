//! Random schemas and values against the crate `jsonschema`.

#![cfg(test)]

use control::schema::{Budget, Schema};
use proptest::prelude::*;
use protocol::Scanner;
use serde_json::{Value, json};

/// Far more than a judgement has: what is compared is the verdict.
const STEPS: u64 = 1 << 30;

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..12i64).prop_map(Value::from),
        prop::sample::select(vec![0.5, 1.0, 1.5, -2.5, 3.0, 1e3]).prop_map(Value::from),
        text().prop_map(Value::from),
    ]
}

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "a", "ab", "b", "abc", "é😀", "12", "x1", "a b"])
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "ab", "x1", "é"])
}

fn pattern() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["^a", "b$", "[0-9]", "^.{2}$", "^[a-c]+$", "é|x", "^(a|b)*$"])
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            members(inner),
        ]
    })
}

fn members(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::vec((name(), value), 0..5).prop_map(|members| {
        Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    })
}

fn names() -> impl Strategy<Value = Value> {
    prop::collection::btree_set(name(), 0..3).prop_map(|names| json!(names))
}

fn types() -> impl Strategy<Value = Value> {
    let kinds = ["null", "boolean", "integer", "number", "string", "array", "object"];
    prop_oneof![
        prop::sample::select(kinds.to_vec()).prop_map(Value::from),
        prop::sample::subsequence(kinds.to_vec(), 1..4).prop_map(|kinds| json!(kinds)),
    ]
}

/// A keyword that holds no subschema.
fn plain_keyword() -> impl Strategy<Value = (&'static str, Value)> {
    let number =
        || prop::sample::select(vec![json!(0), json!(2), json!(1.5), json!(-1), json!(10)]);
    let divisor = || prop::sample::select(vec![json!(2), json!(0.5), json!(3), json!(1.5)]);
    let count = || (0..4u64).prop_map(Value::from);
    prop_oneof![
        types().prop_map(|it| ("type", it)),
        value().prop_map(|it| ("const", it)),
        prop::collection::vec(value(), 1..4).prop_map(|it| ("enum", json!(it))),
        (
            prop::sample::select(vec![
                "minimum",
                "maximum",
                "exclusiveMinimum",
                "exclusiveMaximum"
            ]),
            number()
        ),
        divisor().prop_map(|it| ("multipleOf", it)),
        (
            prop::sample::select(vec![
                "minLength",
                "maxLength",
                "minItems",
                "maxItems",
                "minProperties",
                "maxProperties",
                "minContains",
                "maxContains",
            ]),
            count()
        ),
        pattern().prop_map(|it| ("pattern", json!(it))),
        any::<bool>().prop_map(|it| ("uniqueItems", json!(it))),
        names().prop_map(|it| ("required", it)),
        prop::collection::btree_map(name(), names(), 0..3)
            .prop_map(|it| ("dependentRequired", json!(it))),
    ]
}

fn schema(inner: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let list = |from: usize| prop::collection::vec(inner.clone(), from..4).prop_map(|it| json!(it));
    let by_name =
        || prop::collection::btree_map(name(), inner.clone(), 0..4).prop_map(|it| json!(it));
    let keyword = prop_oneof![
        4 => plain_keyword(),
        1 => (prop::sample::select(vec!["allOf", "anyOf", "oneOf", "prefixItems"]), list(1)),
        2 => (
            prop::sample::select(vec![
                "not", "if", "then", "else", "items", "contains", "additionalProperties",
                "propertyNames", "unevaluatedProperties", "unevaluatedItems",
            ]),
            inner.clone()
        ),
        2 => (prop::sample::select(vec!["properties", "properties", "dependentSchemas"]), by_name()),
        1 => prop::collection::btree_map(pattern(), inner.clone(), 0..3)
            .prop_map(|it| ("patternProperties", json!(it))),
        1 => prop::sample::select(vec!["#/$defs/x", "#/$defs/y", "#anchor"])
            .prop_map(|it| ("$ref", json!(it))),
        1 => prop::sample::select(vec!["a", "b"])
            .prop_map(|name| ("properties", json!({name: {"$ref": "#"}}))),
    ];
    prop_oneof![
        1 => any::<bool>().prop_map(Value::from),
        9 => prop::collection::vec(keyword, 1..5).prop_map(|keywords| {
            Value::Object(keywords.into_iter().map(|(name, it)| (name.to_owned(), it)).collect())
        }),
    ]
    .boxed()
}

fn root() -> impl Strategy<Value = Value> {
    let definition = || {
        prop::collection::vec(plain_keyword(), 0..3).prop_map(|keywords| {
            Value::Object(keywords.into_iter().map(|(name, it)| (name.to_owned(), it)).collect())
        })
    };
    let two = schema(schema(schema(definition().boxed())));
    (two, definition(), definition(), definition()).prop_map(|(mut root, x, y, mut z)| {
        if let (Some(root), Some(z)) = (root.as_object_mut(), z.as_object_mut()) {
            z.insert("$anchor".to_owned(), json!("anchor"));
            root.insert("$defs".to_owned(), json!({"x": x, "y": y, "z": z}));
        }
        root
    })
}

fn agrees(schema: &Value, draft: jsonschema::Draft, values: &[Value]) -> Result<(), TestCaseError> {
    let ours = Schema::compile(schema.to_string().as_bytes());
    let ours = ours.map_err(|refused| TestCaseError::reject(refused.as_str()))?;
    prop_assert_eq!(ours.dropped(), 0, "{}", schema);
    let theirs = jsonschema::options().with_draft(draft).build(schema);
    let theirs = theirs.map_err(|error| TestCaseError::fail(format!("{schema}: {error}")))?;
    for value in values {
        let mut scanner = Scanner::new();
        let text = value.to_string();
        let mut budget = Budget::new(STEPS);
        let ours = ours.judge_any(scanner.scan(text.as_bytes()).root().unwrap(), &mut budget);
        prop_assert_eq!(ours, Ok(theirs.is_valid(value)), "{} by {}", value, schema);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_global_rejects: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn verdicts_are_those_of_the_crate_jsonschema(
        schema in root().prop_filter("a schema without references", |schema| schema.is_object()),
        values in prop::collection::vec(value(), 1..6),
    ) {
        agrees(&schema, jsonschema::Draft::Draft202012, &values)?;
    }

    #[test]
    fn verdicts_of_draft_07_are_those_of_the_crate_jsonschema(
        mut schema in root().prop_filter("an object", |schema| schema.is_object()),
        values in prop::collection::vec(value(), 1..6),
    ) {
        // Later keywords are unknown to both; anchors, which lead nowhere then, are left out.
        let text = schema.to_string().replace("#anchor", "#/$defs/z");
        schema = serde_json::from_str(&text).unwrap();
        schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
        agrees(&schema, jsonschema::Draft::Draft7, &values)?;
    }
}
