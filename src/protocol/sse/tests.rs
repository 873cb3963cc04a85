use proptest::prelude::*;

use super::*;

/// An event that outlives its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned {
    name: String,
    id: Option<Vec<u8>>,
    retry: Option<u64>,
    data: Vec<u8>,
    truncated: bool,
    size: u64,
}

fn owned(event: Event<'_>) -> Owned {
    Owned {
        name: event.name.to_owned(),
        id: event.id.map(<[u8]>::to_vec),
        retry: event.retry,
        data: event.data.to_vec(),
        truncated: event.truncated,
        size: event.size,
    }
}

/// The events of a stream fed in these slices, with what remained at its end.
fn read<'b>(
    limit: usize,
    slices: impl IntoIterator<Item = &'b [u8]>,
) -> (Vec<Owned>, Option<Owned>, StreamStats) {
    let mut reader = EventReader::new(limit);
    let mut events = Vec::new();
    for slice in slices {
        reader.feed(slice, &mut |event| events.push(owned(event)));
    }
    let rest = reader.finish().map(owned);
    (events, rest, *reader.stats())
}

fn data_of(stream: &str) -> Vec<String> {
    let (events, _, _) = read(1 << 20, [stream.as_bytes()]);
    events.into_iter().map(|event| String::from_utf8(event.data).unwrap()).collect()
}

/// The specification followed to the letter on the whole stream, without limits.
fn by_the_book(stream: &[u8]) -> (Vec<Owned>, Option<Owned>) {
    let stream = stream.strip_prefix(BYTE_ORDER_MARK).unwrap_or(stream);
    let mut lines = vec![Vec::new()];
    let mut bytes = stream.iter().peekable();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&&b'\n');
                lines.push(Vec::new());
            }
            b'\n' => lines.push(Vec::new()),
            _ => lines.last_mut().unwrap().push(byte),
        }
    }
    let unfinished = lines.pop().unwrap();
    let ends_in_line = !unfinished.is_empty();
    lines.extend(ends_in_line.then_some(unfinished));

    let mut events = Vec::new();
    let (mut event, mut data, mut is_begun) = (empty(), Vec::new(), false);
    for line in &lines {
        if line.is_empty() {
            if !data.is_empty() {
                data.pop();
                event.size = data.len() as u64;
                events.push(Owned { data: std::mem::take(&mut data), ..event });
            }
            (event, data, is_begun) = (empty(), Vec::new(), false);
            continue;
        }
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => {
                data.extend_from_slice(value);
                data.push(b'\n');
            }
            b"event" if value.is_empty() => event.name = "message".into(),
            b"event" => {
                event.name = String::from_utf8(value.to_vec()).unwrap_or("\u{fffd}".into());
            }
            b"id" if !value.contains(&0) => event.id = Some(value.to_vec()),
            b"id" => continue,
            b"retry" => {
                if value.iter().all(u8::is_ascii_digit) && !value.is_empty() {
                    event.retry = String::from_utf8_lossy(value).parse().ok().or(event.retry);
                }
            }
            _ => continue,
        }
        is_begun = true;
    }
    data.pop();
    event.size = data.len() as u64;
    let rest = Owned { data, truncated: true, ..event };
    (events, is_begun.then_some(rest))
}

fn empty() -> Owned {
    Owned {
        name: "message".into(),
        id: None,
        retry: None,
        data: Vec::new(),
        truncated: false,
        size: 0,
    }
}

#[test]
fn lines_end_in_lf_crlf_or_cr() {
    for end in ["\n", "\r\n", "\r"] {
        let stream = "event: message|id: 1|data: {}||: ping||data:x|data: y|data|data:  z||";
        let stream = stream.replace('|', end);
        assert_eq!(data_of(&stream), ["{}", "x\ny\n\n z"], "{end:?}");
    }
    assert_eq!(data_of("data: a\r\n\rdata: b\n\n\rdata: c\r\r"), ["a", "b", "c"]);
}

#[test]
fn all_fields_are_read_in_any_order() {
    let stream = "retry: 5000\r\nid: a-1\r\ndata: {}\r\nevent: endpoint\r\nother: x\r\n\r\n";
    let (events, rest, stats) = read(100, [stream.as_bytes()]);
    let expected = Owned {
        name: "endpoint".into(),
        id: Some(b"a-1".to_vec()),
        retry: Some(5000),
        data: b"{}".to_vec(),
        truncated: false,
        size: 2,
    };
    assert_eq!((events, rest), (vec![expected], None));
    assert_eq!((stats.events, stats.unknown_fields, stats.bytes), (1, 1, stream.len() as u64));
}

#[test]
fn priming_events_have_an_id_and_no_data() {
    let stream = b"id: 7_0\ndata: \n\nid: 7_1\ndata: \nretry: 100\n\nevent: message\ndata: {}\n\n";
    let mut reader = EventReader::new(100);
    let mut seen = Vec::new();
    reader.feed(stream, &mut |event| seen.push((event.is_message(), event.id.map(<[u8]>::to_vec))));
    let expected = [(false, Some(b"7_0".to_vec())), (false, Some(b"7_1".to_vec())), (true, None)];
    assert_eq!(seen, expected);
}

#[test]
fn events_without_a_data_field_are_none() {
    assert!(data_of("id: 1\n\nevent: x\nretry: 1\n\n: c\n\n\n\n").is_empty());
    assert_eq!(data_of("event: a\n\ndata: b\n\n"), ["b"]);
}

#[test]
fn ids_with_nul_and_retries_that_are_no_number_are_ignored() {
    let (events, _, _) = read(100, [&b"id: a\0b\nretry: 1x\nretry: -1\ndata: d\n\n"[..]]);
    assert_eq!((&events[0].id, events[0].retry), (&None, None));
}

#[test]
fn a_byte_order_mark_is_stepped_over_at_the_start_only() {
    assert_eq!(data_of("\u{feff}data: a\n\n"), ["a"]);
    assert_eq!(data_of("\u{feff}\ndata: a\n\n"), ["a"]);
    assert_eq!(data_of("\n\u{feff}data: a\n\ndata: b\n\n"), ["b"]);
    let bytes = "\u{feff}data: a\n\n".as_bytes();
    let (events, _, _) = read(100, bytes.chunks(1));
    assert_eq!(events[0].data, b"a");
}

#[test]
fn comments_are_counted() {
    let (events, _, stats) = read(100, [&b": ping - 2026-11-25\r\n\r\n:\n: x\n\n"[..]]);
    assert_eq!((events.len(), stats.comments, stats.unknown_fields), (0, 3, 0));
}

#[test]
fn an_event_cut_by_the_end_of_the_stream_is_not_handed_out_but_told() {
    for stream in ["data: {\"a\":1}", "data: {\"a\":1}\n", "id: 1\ndata: {\"a\":1}\r"] {
        let (events, rest, stats) = read(100, [stream.as_bytes()]);
        assert!(events.is_empty() && stats.events == 0);
        let rest = rest.unwrap();
        assert_eq!((rest.data, rest.truncated, rest.size), (b"{\"a\":1}".to_vec(), true, 7));
    }
    for stream in ["", "data: x\n\n", ": comment", "\n", "data: x\r\n\r"] {
        assert_eq!(read(100, [stream.as_bytes()]).1, None, "{stream:?}");
    }
}

#[test]
fn data_beyond_the_limit_is_counted_not_kept() {
    let stream = b"data: 0123456789\ndata: abc\n\ndata: 0123\ndata: 4567\n\ndata: 01234567\n\n";
    for slice in [1, 3, stream.len()] {
        let (events, _, stats) = read(8, stream.chunks(slice));
        let seen: Vec<_> = events.iter().map(|e| (&e.data[..], e.truncated, e.size)).collect();
        let expected: [(&[u8], bool, u64); 3] =
            [(b"01234567", true, 14), (b"0123\n456", true, 9), (b"01234567", false, 8)];
        assert_eq!(seen, expected);
        assert_eq!(stats.truncated, 2);
    }
}

#[test]
fn a_line_without_end_takes_bounded_memory() {
    let mut reader = EventReader::new(1 << 16);
    let megabyte = vec![b'x'; 1 << 20];
    let mut ignore = |_: Event<'_>| panic!("no event has ended");
    reader.feed(b"data: ", &mut ignore);
    for _ in 0..200 {
        reader.feed(&megabyte, &mut ignore);
    }
    assert!(reader.memory_bytes() <= 3 << 16, "{}", reader.memory_bytes());
    let mut sizes = Vec::new();
    reader.feed(b"\n\n", &mut |event| sizes.push((event.data.len(), event.size)));
    assert_eq!(sizes, [(1 << 16, 200 << 20)]);
    assert!(reader.memory_bytes() <= 2 * IDLE_BYTES_MAX);
}

#[test]
fn a_million_data_lines_take_bounded_memory() {
    let mut reader = EventReader::new(1000);
    let lines = b"data: x\nid: 12345678\nevent: abcdefgh\n".repeat(1000);
    for _ in 0..100 {
        reader.feed(&lines, &mut |_| panic!("no event has ended"));
    }
    assert!(reader.memory_bytes() < 8000, "{}", reader.memory_bytes());
    let last = reader.finish().unwrap();
    assert_eq!((last.size, last.data.len()), (2 * 100_000 - 1, 1000));
}

#[test]
fn an_idle_stream_holds_next_to_nothing() {
    let mut reader = EventReader::new(1 << 20);
    let event = format!("id: {}\ndata: {}\n\n", "i".repeat(5000), "x".repeat(300_000));
    for part in event.as_bytes().chunks(65_536) {
        reader.feed(part, &mut |event| assert_eq!(event.size, 300_000));
    }
    for _ in 0..10 {
        reader.feed(b": keep-alive\n\n", &mut |_| ());
    }
    assert_eq!(reader.stats().events, 1);
    assert!(reader.memory_bytes() <= 2 * IDLE_BYTES_MAX, "{}", reader.memory_bytes());
    assert!(size_of::<EventReader>() <= 256, "{}", size_of::<EventReader>());
}

#[test]
fn an_event_within_one_slice_is_not_copied() {
    let stream = b"event: message\r\ndata: {\"jsonrpc\":\"2.0\"}\r\n\r\n".to_vec();
    let mut reader = EventReader::new(100);
    let mut is_within = false;
    reader.feed(&stream, &mut |event| {
        is_within = stream.as_ptr_range().contains(&event.data.as_ptr());
    });
    assert!(is_within);
}

/// Streams of the pieces that matter, among any bytes.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::sample::select(
            [
                "data", "data:", "data: ", "event: ", "event:x", "id:", "id: 1", "retry: 7", ":",
                " ", "{}", "\u{feff}", "\0", "other: ", "long-field-name-without-colon",
            ]
            .map(|piece| piece.as_bytes().to_vec())
            .to_vec()
        ),
        4 => proptest::sample::select(["\n", "\r", "\r\n", "\n\n", "\r\n\r\n"].to_vec())
            .prop_map(|end| end.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// The slices between these places.
fn cut<'b>(bytes: &'b [u8], places: &[proptest::sample::Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn events_are_those_of_the_specification_however_the_stream_is_cut(
        stream in stream(),
        places in proptest::collection::vec(any::<proptest::sample::Index>(), 0..10),
    ) {
        let (events, rest) = by_the_book(&stream);
        for slices in [vec![&stream[..]], cut(&stream, &places), stream.chunks(1).collect()] {
            let (ours, our_rest, _) = read(1 << 20, slices);
            prop_assert_eq!(&ours, &events);
            prop_assert_eq!(&our_rest, &rest);
        }
    }

    #[test]
    fn a_limit_does_not_depend_on_the_cuts_either(
        stream in stream(),
        limit in 0usize..12,
        places in proptest::collection::vec(any::<proptest::sample::Index>(), 0..10),
    ) {
        let whole = read(limit, [&stream[..]]);
        let (full, _) = by_the_book(&stream);
        for (short, full) in whole.0.iter().zip(&full) {
            prop_assert_eq!(&short.data[..], &full.data[..full.data.len().min(limit)]);
            prop_assert_eq!(short.size, full.size);
            prop_assert_eq!(short.truncated, full.size > limit as u64);
        }
        prop_assert_eq!(&read(limit, cut(&stream, &places)), &whole);
        prop_assert_eq!(&read(limit, stream.chunks(1)), &whole);
    }
}

/// The events of a stream of which some bytes between two slices were not seen.
fn read_with_gap(before: &str, after: &str) -> Vec<(String, bool)> {
    let mut reader = EventReader::new(1 << 20);
    let mut events = Vec::new();
    let mut on = |event: Event<'_>| {
        events.push((String::from_utf8(event.data.to_vec()).unwrap(), event.truncated));
    };
    reader.feed(before.as_bytes(), &mut on);
    reader.gap(1000, &mut on);
    reader.feed(after.as_bytes(), &mut on);
    assert_eq!(reader.stats().bytes, (before.len() + 1000 + after.len()) as u64);
    assert_eq!(reader.finish(), None);
    events
}

#[test]
fn what_a_gap_tore_apart_is_not_put_together() {
    let whole = |data: &str| (data.to_owned(), false);
    let cut = |data: &str| (data.to_owned(), true);
    assert_eq!(
        read_with_gap("data: a\n\ndata: b", "c\n\ndata: d\n\n"),
        [whole("a"), cut("b"), whole("d")]
    );
    // The rest of an event may be whole lines.
    assert_eq!(read_with_gap("data: a\n", "c\ndata: d\n\ndata: e\n\n"), [cut("a"), whole("e")]);
    // What looks like an empty line may be the end of another.
    assert_eq!(read_with_gap("data: a", "\ndata: d\n\ndata: e\n\n"), [cut("a"), whole("e")]);
    assert_eq!(read_with_gap("data: a\r", "\ndata: d\r\n\r\ndata: e\r\r"), [cut("a"), whole("e")]);
    assert_eq!(read_with_gap("", "data: d\n\ndata: e\n\n"), [whole("e")]);
    assert_eq!(read_with_gap("data: a\n\n", ""), [whole("a")]);
}
