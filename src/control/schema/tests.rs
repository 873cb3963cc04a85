use super::*;

mod cases;
mod hostile;
mod text;

/// Judges JSON by JSON, with the budget of a judgement.
fn judge(schema: &str, arguments: &str) -> SchemaVerdict {
    judge_unknown(schema, arguments, UnknownArguments::Schema)
}

fn judge_unknown(schema: &str, arguments: &str, unknown: UnknownArguments) -> SchemaVerdict {
    let schema = Schema::compile(schema.as_bytes()).unwrap();
    let mut scanner = Scanner::new();
    let document = scanner.scan(arguments.as_bytes());
    schema.judge(document.root(), unknown, &mut Budget::new(STEPS_MAX))
}
