//! Schemas and arguments that are made to hurt.

use super::*;

fn refused(schema: &str) -> Refused {
    Schema::compile(schema.as_bytes()).unwrap_err()
}

#[test]
fn references_that_double_at_every_level_are_refused() {
    let mut levels = String::new();
    for level in 0..30 {
        let next = level + 1;
        levels.push_str(&format!(
            r##""d{level}":{{"allOf":[{{"$ref":"#/$defs/d{next}"}},{{"$ref":"#/$defs/d{next}"}}]}},"##
        ));
    }
    let schema =
        format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{levels}"d30":{{"type":"object"}}}}}}"##);
    assert!(schema.len() < 2600);
    assert_eq!(refused(&schema), Refused::Cost);
}
