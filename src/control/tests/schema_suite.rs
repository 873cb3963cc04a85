//! The official test suite of JSON Schema, where it is at hand:
//! `JSON_SCHEMA_TEST_SUITE=FOLDER cargo test -p control --test schema_suite -- --ignored --nocapture`.

#![cfg(test)]

use std::path::Path;

use control::schema::{Budget, STEPS_MAX, Schema};
use protocol::Scanner;
use serde_json::Value;

/// Tests that ask for what the module documentation says is not judged so.
const EXCEPTIONS: [&str; 6] = [
    // Encodings only describe.
    "content.json",
    // In draft-04, and nowhere since, `1.0` is no integer.
    "zeroTerminatedFloats.json",
    // Vocabularies of other documents.
    "vocabulary.json",
    // Formats only describe.
    "format-assertion.json",
    "format.json",
    // `$dynamicRef` that depends on the path it was reached by.
    "dynamicRef.json",
];

#[derive(Debug, Default)]
struct Count {
    agreed: u32,
    refused: Vec<String>,
    wrong: Vec<String>,
    unjudged: Vec<String>,
}

#[test]
#[ignore = "needs the suite: JSON_SCHEMA_TEST_SUITE=FOLDER"]
fn the_official_suite_agrees() {
    let folder = std::env::var("JSON_SCHEMA_TEST_SUITE").unwrap();
    let mut count = Count::default();
    for draft in ["draft7", "draft2020-12", "draft4", "draft6", "draft2019-09"] {
        for part in ["", "optional"] {
            let folder = Path::new(&folder).join(draft).join(part);
            let mut files: Vec<_> =
                std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.sort();
            for file in files.iter().filter(|file| file.is_file()) {
                run(draft, file, &mut count);
            }
        }
    }
    for refused in &count.refused {
        println!("refused: {refused}");
    }
    for unjudged in &count.unjudged {
        println!("unjudged: {unjudged}");
    }
    for wrong in &count.wrong {
        println!("WRONG: {wrong}");
    }
    let [refused, unjudged, wrong] =
        [&count.refused, &count.unjudged, &count.wrong].map(|list| list.len());
    println!(
        "{} agreed, {wrong} wrong, {unjudged} unjudged, {refused} groups refused",
        count.agreed
    );
    assert_eq!(wrong, 0);
}

fn run(draft: &str, file: &Path, count: &mut Count) {
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    if EXCEPTIONS.contains(&name.as_str()) {
        return;
    }
    let groups: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for mut group in groups {
        let title = format!("{draft}/{name}: {}", group["description"]);
        // The suite's older drafts do not name themselves.
        let number = draft.strip_prefix("draft").unwrap();
        if let Some(schema) = group["schema"].as_object_mut()
            && number.len() == 1
        {
            let id = format!("http://json-schema.org/draft-0{number}/schema#");
            schema.entry("$schema").or_insert(Value::String(id));
        }
        let schema = match Schema::compile(group["schema"].to_string().as_bytes()) {
            Ok(schema) => schema,
            Err(refused) => {
                count.refused.push(format!("{title}: {refused}"));
                continue;
            }
        };
        for test in group["tests"].as_array().unwrap() {
            let mut scanner = Scanner::new();
            let data = test["data"].to_string();
            let mut budget = Budget::new(STEPS_MAX);
            let judged =
                schema.judge_any(scanner.scan(data.as_bytes()).root().unwrap(), &mut budget);
            let title = format!("{title}: {}", test["description"]);
            match judged {
                Ok(valid) if Some(valid) == test["valid"].as_bool() => count.agreed += 1,
                // What was dropped is taken as valid.
                Ok(true) if schema.dropped() > 0 => {
                    count.unjudged.push(format!("{title}: {} dropped", schema.dropped()));
                }
                Ok(valid) => count.wrong.push(format!("{title}: {valid}")),
                Err(unjudged) => count.unjudged.push(format!("{title}: {unjudged:?}")),
            }
        }
    }
}
