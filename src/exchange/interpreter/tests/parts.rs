//! Any split of the same bytes gives the same records.

use crate::testing::{Collector, Exchange, folders, interpreter, rules, samples};
use crate::{Interpreter, Part};
use record::Patience;
use std::sync::Arc;

/// Cuts are tried at every byte up to here, and at every so many after.
const EVERY_BYTE_UP_TO: usize = 160;
const THEN_EVERY: usize = 211;
/// Reading a longer answer hundreds of times takes long: it is cut at about so many places.
const LONG_BYTES: usize = 64 << 10;
const PLACES_OF_LONG: usize = 60;

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
    sink.text() + &sink.learned()
}

fn offsets(length: usize) -> impl Iterator<Item = usize> {
    let (first, every) = match length > LONG_BYTES {
        true => (EVERY_BYTE_UP_TO / PLACES_OF_LONG + 1, length / PLACES_OF_LONG),
        false => (1, THEN_EVERY),
    };
    (0..=length).filter(move |at| *at <= EVERY_BYTE_UP_TO && at % first == 0 || at % every == 0)
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
    for folder in &folders() {
        for sample in samples(folder) {
            every_split_is_the_same(&format!("{folder}/{}", sample.name), &sample.exchange);
        }
    }
}

/// Answers come on the stream while the calls are being posted, in any order of the two.
#[test]
fn the_old_transport_is_recorded_the_same_however_its_two_sides_interleave() {
    for folder in &folders() {
        if !folder.starts_with("legacy-sse") {
            continue;
        }
        let exchanges: Vec<Exchange> =
            samples(folder).into_iter().map(|sample| sample.exchange).collect();
        let (stream, posts) = exchanges.split_first().unwrap();
        if posts.is_empty() {
            continue;
        }
        let whole = crate::testing::recorded(rules(), &exchanges);
        assert!(!whole.contains("pending") && !whole.contains("unmatched"), "{whole}");
        let begun = stream.answer.windows(2).position(|two| two == b"\n\n" || two == b"\n\r");
        let begun = begun.unwrap() + 4;
        for seed in 0..300_usize {
            let step = 1 + seed * 37 % 400;
            let rules = Arc::new(rules());
            let (mut interpreter, mut sink) = (interpreter(), Collector::default());
            let take = |interpreter: &mut Interpreter, sink: &mut Collector, part, range| {
                let mut capture = stream.part(&rules, part, range);
                capture.stream = 99;
                interpreter.take(&mut capture, Patience::Decide, sink);
            };
            take(&mut interpreter, &mut sink, Part::First, 0..begun);
            let mut from = begun;
            let mut waiting = posts.iter();
            while from + step < stream.answer.len() {
                take(&mut interpreter, &mut sink, Part::Middle, from..from + step);
                from += step;
                if (from + seed).is_multiple_of(3) {
                    break;
                }
            }
            for post in waiting.by_ref().take(seed % posts.len()) {
                post.take(&mut interpreter, &rules, &mut sink);
            }
            take(&mut interpreter, &mut sink, Part::Last, from..stream.answer.len());
            for post in waiting {
                post.take(&mut interpreter, &rules, &mut sink);
            }
            assert_eq!(sink.text(), whole, "{folder}, seed {seed}");
        }
    }
}

/// What a later part could not keep is not put together with what comes after it, and the call says
/// that not all was seen.
#[test]
fn what_a_stream_lost_between_its_parts_is_told() {
    let note = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n";
    let answer = "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}\n\n";
    let call =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}";
    let exchange = Exchange::post(call, 200, &format!("{note}{note}{note}{answer}"))
        .answered("content-type", "text/event-stream");
    let whole = cut(&exchange, &[]);
    let rules = Arc::new(rules());
    let (mut interpreter, mut sink) = (interpreter(), Collector::default());
    let mut take = |part, range, lost| {
        let mut capture = exchange.part(&rules, part, range);
        capture.response.lost = lost;
        interpreter.take(&mut capture, Patience::Decide, &mut sink);
    };
    let length = exchange.answer.len();
    let (first, second) = (note.len() + 5, 2 * note.len() - 4);
    take(Part::First, 0..first, 0);
    // The end of the second event is lost, and with it that of the third: they are not one.
    take(Part::Middle, first..second, note.len() as u64);
    take(Part::Last, second + note.len()..length, 0);
    let text = sink.text();
    assert!(whole.contains("-> ok") && !whole.contains("[truncated"), "{whole}");
    assert!(text.contains("-> ok") && text.contains("[truncated"), "{text}");
}
