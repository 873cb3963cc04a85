//! Schemas and arguments from anybody: judging ends within its budget, and the budget within its time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use control::schema::{Budget, STEPS_MAX, Schema, SchemaVerdict, UnknownArguments};
use protocol::{Scanner, Value};

/// What a judgement may take. Twice that of the release, as here every operation is checked.
const TIME_MAX: Duration = Duration::from_micros(if cfg!(debug_assertions) { 2000 } else { 1000 });
/// Another program may have had the core in between: the best of so many counts.
const TRIES: usize = 8;
/// Judgements that one budget is spent on, to see what a step takes at most.
const REPEATS_MAX: usize = 20_000;

/// The longest time so far, in nanoseconds.
static SLOWEST: AtomicU64 = AtomicU64::new(0);

/// A schema, a line end, arguments.
pub(crate) const SEEDS: &[&[u8]] = &[
    br#"{"type":"object","properties":{"id":{"type":"string","minLength":1,"pattern":"^[a-z]+$"},"n":{"type":"integer","minimum":0,"multipleOf":0.5},"tags":{"type":"array","items":{"enum":["a","b",1]},"uniqueItems":true,"maxItems":5}},"required":["id"],"additionalProperties":false}
{"id":"abc","n":1.0e0,"tags":["a","b",1]}"#,
    br##"{"$ref":"#/$defs/n","$defs":{"n":{"properties":{"l":{"$ref":"#"},"r":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"patternProperties":{"^x":{"oneOf":[true,false]}},"propertyNames":{"maxLength":3},"unevaluatedProperties":{"not":{"const":[1]}}}}}
{"l":{"r":{"l":{"xy":[1]}}},"r":null,"":{"":{}}}"##,
    br#"{"$schema":"http://json-schema.org/draft-07/schema#","items":[{"contains":{"const":{"a":[1,{"b":null}]}}}],"additionalItems":{"if":{"minimum":3},"then":{"maximum":4},"else":{"dependencies":{"a":["b"],"b":{"minProperties":2}}}}}
[[{"a":[1,{"b":null}]}],3.5,{"a":1,"b":2},1e300,-0]"#,
    br#"{"properties":{"a":{"pattern":"(a+)+$"},"b":{"pattern":"[ab]*a[ab]{99}$"},"c":{"pattern":"^(?:\\p{L}|\\d){3,200}\\b"},"d":{"pattern":"(x?){50}y"}}}
{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!","b":"abababababababababababababaabbbababa","c":"\u00e9\ud83d\ude00aaaaaaaaaaaaaaa","d":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#,
    br#"{"allOf":[{"properties":{"a":{"allOf":[{"items":{"uniqueItems":true}},{"items":{"minLength":2}}]}}},{"properties":{"a":{"contains":{"type":"string"},"minContains":2,"unevaluatedItems":false}}}]}
{"a":["aa","bb","\u00e9\u00e9\u00e9",[1,1.0,{"x":1,"y":2},{"y":2,"x":1}]]}"#,
];

/// Nothing that can be compiled takes longer to judge anything than it may, and verdicts do not
/// depend on what is left of a budget unless it says so.
pub fn schema(bytes: &[u8]) {
    let at = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let (schema, arguments) = bytes.split_at(at);
    let Ok(schema) = Schema::compile(schema) else { return };
    let mut scanner = Scanner::new();
    let Some(value) = scanner.scan_body(arguments.get(1..).unwrap_or_default()).root() else {
        return;
    };
    for unknown in [UnknownArguments::Schema, UnknownArguments::Deny] {
        let mut budget = Budget::new(STEPS_MAX);
        let verdict = schema.judge(Some(value), unknown, &mut budget);
        let spent = STEPS_MAX - budget.steps_left();
        let is_unjudged = matches!(verdict, SchemaVerdict::Unjudged(_));
        if let SchemaVerdict::Invalid(violation) = &verdict {
            assert!(violation.pointer.len() <= control::schema::VIOLATION_POINTER_BYTES_MAX);
            assert!(violation.expected.len() <= control::schema::VIOLATION_TEXT_BYTES_MAX);
            assert!(violation.found.len() <= control::schema::VIOLATION_TEXT_BYTES_MAX);
        } else if !is_unjudged {
            let again = schema.judge(Some(value), unknown, &mut Budget::new(spent));
            assert_eq!(again, verdict, "with just enough steps");
        }
    }
    let slowest = Duration::from_nanos(SLOWEST.load(Ordering::Relaxed));
    let mut time = spend(&schema, value);
    // Only what would be a record is looked at again.
    for _ in 0..TRIES {
        if time > slowest {
            time = time.min(spend(&schema, value));
        }
    }
    assert!(time <= TIME_MAX, "a budget lasts {time:?}");
    if time > slowest {
        SLOWEST.store(time.as_nanos() as u64, Ordering::Relaxed);
        println!("schema: a budget lasts {} us", time.as_micros());
    }
}

/// The time that a whole budget lasts.
fn spend(schema: &Schema, value: Value<'_>) -> Duration {
    let mut budget = Budget::new(STEPS_MAX);
    let begun = Instant::now();
    for _ in 0..REPEATS_MAX {
        // Without the words for an objection, of which a judgement has one.
        let _ = schema.judge_any(value, &mut budget);
        if budget.steps_left() == 0 {
            break;
        }
    }
    if budget.steps_left() > 0 {
        return Duration::ZERO;
    }
    begun.elapsed()
}
