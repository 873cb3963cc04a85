//! Every keyword with what it takes and refuses.
//!
//! `cases.txt`: a schema on a line that begins with `#`, then values, those it takes after `+`, those
//! it refuses after `-`.

use super::*;

#[test]
fn every_case_is_judged_as_the_standard_has_it() {
    let mut schema = None;
    let (mut schemas, mut values) = (0, 0);
    for (line, text) in include_str!("cases.txt").lines().enumerate() {
        let at = format!("cases.txt:{}: {text}", line + 1);
        let Some((mark, json)) = text.split_at_checked(2) else { continue };
        if mark == "# " {
            schemas += 1;
            schema = Some(Schema::compile(json.as_bytes()).expect(&at));
            continue;
        }
        let Some(schema) = schema.as_ref().filter(|_| matches!(mark, "+ " | "- ")) else {
            continue;
        };
        values += 1;
        let mut scanner = Scanner::new();
        let document = scanner.scan(json.as_bytes());
        assert!(document.flaws().is_empty(), "{at}");
        let mut budget = Budget::new(STEPS_MAX);
        let is_valid = schema.judge_any(document.root().unwrap(), &mut budget).expect(&at);
        assert_eq!(is_valid, mark == "+ ", "{at}");
        assert_eq!(schema.dropped(), 0, "{at}");
    }
    assert!(schemas > 80 && values > 300, "{schemas} {values}");
}
