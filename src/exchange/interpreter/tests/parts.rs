//! Any split of the same bytes gives the same records.

use crate::testing::{Collector, Exchange, FOLDERS, interpreter, rules, samples};
use std::sync::Arc;

/// Cuts are tried at every byte up to here, and at every so many after.
const EVERY_BYTE_UP_TO: usize = 160;
const THEN_EVERY: usize = 211;

/// The records of one exchange whose answer is cut at these offsets; whole if there are none.
fn cut(exchange: &Exchange, cuts: &[usize]) -> String {
    let rules = Arc::new(rules());
    let mut sink = Collector::default();
    let mut interpreter = interpreter();
    if cuts.is_empty() {
        exchange.take(&mut interpreter, &rules, &mut sink);
    } else {
        exchange.take_cut(cuts, &mut interpreter, &rules, &mut sink);
        assert_eq!(interpreter.open_streams(), 0);
    }
    sink.text()
}

fn offsets(length: usize) -> impl Iterator<Item = usize> {
    (0..=length).filter(|at| *at <= EVERY_BYTE_UP_TO || at % THEN_EVERY == 0)
}

fn every_split_is_the_same(name: &str, exchange: &Exchange) {
    let whole = cut(exchange, &[]);
    let length = exchange.answer.len();
    for at in offsets(length) {
        assert_eq!(cut(exchange, &[at]), whole, "{name}, cut at {at}");
        let more = (at + 7).min(length);
        assert_eq!(cut(exchange, &[at, more]), whole, "{name}, cut at {at} and {more}");
    }
    let all: Vec<usize> = offsets(length).collect();
    assert_eq!(cut(exchange, &all), whole, "{name}, cut at every byte");
}

#[test]
fn every_captured_exchange_is_recorded_the_same_however_it_is_cut() {
    for folder in FOLDERS {
        for sample in samples(folder) {
            every_split_is_the_same(&format!("{folder}/{}", sample.name), &sample.exchange);
        }
    }
}
