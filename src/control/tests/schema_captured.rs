//! The schemas of real servers, as they were captured.

#![cfg(test)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use control::schema::{Budget, STEPS_MAX, Schema, SchemaVerdict, UnknownArguments};
use protocol::{Scanner, Value};

#[test]
fn every_captured_schema_compiles_whole_and_judges_an_empty_call() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../t/data");
    let mut schemas = BTreeSet::new();
    for file in answers(Path::new(folder)) {
        let body = body(&std::fs::read(file).unwrap());
        for line in body.split(|&byte| byte == b'\n') {
            let line = line.strip_prefix(b"data: ").unwrap_or(line);
            let mut scanner = Scanner::new();
            if let Some(message) = scanner.scan(line).root() {
                collect(message, &mut schemas);
            }
        }
    }
    assert!(schemas.len() >= 20, "only {} different schemas", schemas.len());
    let mut invalid = 0;
    for text in &schemas {
        let schema = Schema::compile(text).unwrap();
        assert_eq!(schema.dropped(), 0, "{}", String::from_utf8_lossy(text));
        let mut budget = Budget::new(STEPS_MAX);
        match schema.judge(None, UnknownArguments::Schema, &mut budget) {
            SchemaVerdict::Valid => {}
            SchemaVerdict::Invalid(violation) => {
                assert!(matches!(violation.keyword, "required" | "anyOf"), "{violation:?}");
                invalid += 1;
            }
            unjudged => panic!("{unjudged:?}: {}", String::from_utf8_lossy(text)),
        }
    }
    println!("{} schemas, {invalid} need arguments", schemas.len());
    assert!(invalid > 0 && invalid < schemas.len());
}

fn answers(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(answers(&path));
        } else if path.to_string_lossy().ends_with("response.raw") {
            files.push(path);
        }
    }
    files
}

/// The body of an answer, without its chunks.
fn body(answer: &[u8]) -> Vec<u8> {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Vec::new();
    };
    let (headers, mut rest) = answer.split_at(end + 4);
    if !headers.to_ascii_lowercase().windows(7).any(|bytes| bytes == b"chunked") {
        return rest.to_vec();
    }
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|bytes| bytes == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).unwrap_or_default();
        let Ok(size) = usize::from_str_radix(size, 16) else { break };
        rest = &rest[line + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        rest = rest.get(size + 2..).unwrap_or_default();
    }
    body
}

fn collect(value: Value<'_>, schemas: &mut BTreeSet<Vec<u8>>) {
    for (key, child) in value.members() {
        if key.eq("inputSchema") {
            schemas.insert(child.raw().to_vec());
        }
        collect(child, schemas);
    }
    value.items().for_each(|child| collect(child, schemas));
}
