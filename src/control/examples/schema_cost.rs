//! What schemas cost: `cargo run --release -p control --example schema_cost`.
#![allow(clippy::print_stdout, clippy::expect_used, clippy::indexing_slicing)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use control::catalogue::Catalogue;
use control::schema::{Budget, STEPS_MAX, Schema, UnknownArguments};
use protocol::{Scanner, Value};

const TYPICAL: &str = r#"{"type":"object","properties":{"user_id":{"type":"string","minLength":1},"limit":{"type":"integer","minimum":1,"maximum":100},"tags":{"type":"array","items":{"type":"string"}},"mode":{"enum":["fast","full"]},"since":{"anyOf":[{"type":"string","pattern":"^\\d{4}-\\d\\d-\\d\\d$"},{"type":"null"}]}},"required":["user_id"],"additionalProperties":false}"#;
const ARGUMENTS: &str =
    r#"{"user_id":"u-12345","limit":20,"tags":["a","b"],"mode":"fast","since":"2026-11-25"}"#;
const ROUNDS: u32 = 100_000;
const TOOLS: usize = 10_000;

fn main() {
    typical();
    worst();
    catalogue();
}

fn typical() {
    let schema = Schema::compile(TYPICAL.as_bytes()).expect("it compiles");
    let mut scanner = Scanner::new();
    let document = scanner.scan(ARGUMENTS.as_bytes());
    let begun = Instant::now();
    let mut steps = 0;
    for _ in 0..ROUNDS {
        let mut budget = Budget::new(STEPS_MAX);
        black_box(schema.judge(document.root(), UnknownArguments::Schema, &mut budget));
        steps = STEPS_MAX - budget.steps_left();
    }
    println!("five properties: {:?}, {steps} steps a judgement", begun.elapsed() / ROUNDS);
    let begun = Instant::now();
    for _ in 0..1000 {
        black_box(Schema::compile(black_box(TYPICAL.as_bytes())).is_ok());
    }
    println!(
        "compiling it: {:?}, {} bytes of memory",
        begun.elapsed() / 1000,
        schema.memory_bytes()
    );
}

/// Schemas and arguments that use up the budget, each in its own way.
fn worst() {
    let integers = |count: usize| (0..count).map(|it| it.to_string()).collect::<Vec<_>>().join(",");
    let members =
        |count: usize| (0..count).map(|it| format!("\"m{it}\":{it}")).collect::<Vec<_>>().join(",");
    let nest = |levels: usize| r#"{"a":"#.repeat(levels) + "{}" + &"}".repeat(levels);
    let doubling: Vec<_> = (0..40)
        .map(|at| {
            let part = format!(r##"{{"properties":{{"a":{{"$ref":"#/$defs/d{}"}}}}}}"##, at + 1);
            format!(r#""d{at}":{{"allOf":[{part},{part}]}}"#)
        })
        .collect();
    let doubling =
        format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{},"d40":{{}}}}}}"##, doubling.join(","));
    let alternatives: Vec<_> = (0..2000).map(|it| format!(r#"{{"required":["x{it}"]}}"#)).collect();
    let alternatives = format!(r#"{{"items":{{"anyOf":[{}]}}}}"#, alternatives.join(","));
    let cases = [
        ("integers", r#"{"items":{"type":"integer"}}"#.into(), format!("[{}]", integers(200_000))),
        ("limits", r#"{"items":{"minimum":0,"maximum":1e9}}"#.into(), format!("[{}]", integers(200_000))),
        ("multiples", r#"{"items":{"multipleOf":0.7}}"#.into(), format!("[{}0]", "1e300,".repeat(90_000))),
        ("long number", r#"{"multipleOf":7}"#.into(), "7".repeat(10_000)),
        ("unique", r#"{"uniqueItems":true}"#.into(), format!("[{}]", integers(200_000))),
        ("unique objects", r#"{"uniqueItems":true}"#.into(), format!("[{}1]", r#"{"b":[1],"a":""},"#.to_owned())),
        ("unique long", r#"{"uniqueItems":true}"#.into(), format!("[\"{}\"]", "é".repeat(250_000))),
        ("unique members", r#"{"uniqueItems":true}"#.into(), format!("[{{{}}}]", members(50_000))),
        ("members", r#"{"minProperties":1}"#.into(), format!("{{{}}}", members(50_000))),
        ("names", r#"{"propertyNames":{"maxLength":9}}"#.into(), format!("{{{}}}", members(50_000))),
        ("enum", format!(r#"{{"items":{{"enum":[{}]}}}}"#, integers(20_000)), format!("[{}]", integers(200_000))),
        ("pattern", r#"{"items":{"pattern":"^a$"}}"#.into(), format!("[{}1]", "\"abc\",".repeat(90_000))),
        ("long pattern", r#"{"pattern":"(a|b)*c$"}"#.into(), format!("\"{}\"", "ab".repeat(20_000))),
        ("wide pattern", r#"{"pattern":"[ab]*a[ab]{200}c$"}"#.into(), format!("\"{}\"", "ab".repeat(20_000))),
        ("unicode pattern", r#"{"pattern":"^(\\p{L}|\\p{N}| ){1,400}$"}"#.into(), format!("\"{}\"", "é1 ".repeat(20_000))),
        ("length", r#"{"minLength":1}"#.into(), format!("\"{}\"", "é".repeat(200_000))),
        ("escapes", r#"{"minLength":1}"#.into(), format!("\"{}\"", "\\u00e9".repeat(15_000))),
        ("escaped keys", r#"{"properties":{"a":true}}"#.into(), format!("{{{}}}", (0..20_000).map(|it| format!("\"\\u0061{it}\":1")).collect::<Vec<_>>().join(","))),
        ("doubling", doubling, nest(40)),
        ("alternatives", alternatives, "[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]".into()),
        ("deep", r##"{"additionalProperties":{"$ref":"#"},"allOf":[{"additionalProperties":{"$ref":"#"}}]}"##.into(), nest(60)),
        ("contains", r#"{"contains":{"type":"string"},"unevaluatedItems":{"type":"integer"}}"#.into(), format!("[{}]", integers(50_000))),
        ("unevaluated", r#"{"patternProperties":{"^m":true},"unevaluatedProperties":false}"#.into(), format!("{{{}}}", members(50_000))),
        ("invalid at the end", r#"{"items":{"type":"integer"}}"#.into(), format!("[{}\"\"]", "1,".repeat(9_000))),
    ];
    let mut worst = Duration::ZERO;
    for (name, schema, value) in cases {
        let schema = Schema::compile(schema.as_bytes()).expect(name);
        let mut scanner = Scanner::new();
        let document = scanner.scan(value.as_bytes());
        let root = document.root().expect(name);
        let (mut times, mut spent) = (Vec::new(), 0);
        for _ in 0..21 {
            let begun = Instant::now();
            spent = spend(&schema, root);
            times.push(begun.elapsed());
        }
        times.sort();
        let (best, median) = (times[0], times[10]);
        worst = worst.max(median);
        println!("{name:20} {median:>12?} (best {best:?}) for {spent} steps");
    }
    println!("worst: {worst:?}");
}

/// A whole budget, if one judgement does not need it.
fn spend(schema: &Schema, value: Value<'_>) -> u64 {
    let mut budget = Budget::new(STEPS_MAX);
    while budget.steps_left() > 0 {
        let _ = black_box(schema.judge_any(value, &mut budget));
    }
    STEPS_MAX - budget.steps_left()
}

fn catalogue() {
    let schemas: Vec<_> = (0..TOOLS)
        .map(|it| TYPICAL.replace("u-", "").replace("limit", &format!("limit{it}")))
        .collect();
    let names: Vec<_> = (0..TOOLS).map(|it| format!("tool_{it}")).collect();
    let build = |mut builder: control::catalogue::Builder<'_>| {
        let begun = Instant::now();
        for (name, schema) in names.iter().zip(&schemas) {
            builder.tool("crm.example.com/mcp", name, schema, &[]);
        }
        (builder.build(), begun.elapsed())
    };
    let (first, time) = build(Catalogue::builder());
    let figures = first.figures();
    println!("{TOOLS} tools: built in {time:?}, {} bytes a tool", figures.memory_bytes / TOOLS);
    let (second, time) = build(first.next());
    println!("again, all known: {time:?}");
    let begun = Instant::now();
    drop(second);
    println!("dropping what is shared: {:?}", begun.elapsed());
    let begun = Instant::now();
    let mut found = 0;
    for name in &names {
        found +=
            usize::from(first.tools("crm.example.com/mcp").and_then(|it| it.get(name)).is_some());
    }
    println!("a lookup: {:?} ({found} found)", begun.elapsed() / TOOLS as u32);
    let begun = Instant::now();
    drop(first);
    println!("dropping all: {:?}", begun.elapsed());
}
