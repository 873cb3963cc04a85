//! Event streams, whole and in pieces.

use protocol::{Event, EventReader, StreamStats};

use crate::Random;

pub(crate) const SEEDS: &[&[u8]] = &[
    b"\x05\x03event: message\nid: 1\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n",
    b"\xff\x01\xef\xbb\xbfid: 7_0\r\nretry: 5000\r\ndata: \r\n\r\n: ping\r\n\r\ndata:x\rdata: y\r\r",
    b"\x02\x07event: endpoint\ndata: /messages/?session_id=5ed53abe5fd9\n\nunknown: x\nid: a\0b\n\n",
    b"\x10\x09data: cut by the end of the stre",
];

type Owned = (String, Option<Vec<u8>>, Option<u64>, Vec<u8>, bool, u64);

fn owned(event: Event<'_>) -> Owned {
    let Event { name, id, retry, data, truncated, size } = event;
    (name.to_owned(), id.map(<[u8]>::to_vec), retry, data.to_vec(), truncated, size)
}

fn read<'b>(
    limit: usize,
    slices: impl Iterator<Item = &'b [u8]>,
) -> (Vec<Owned>, Option<Owned>, StreamStats) {
    let mut reader = EventReader::new(limit);
    let mut events = Vec::new();
    for slice in slices {
        reader.feed(slice, &mut |event| {
            assert!(event.data.len() <= limit);
            assert_eq!(event.truncated, (event.data.len() as u64) < event.size);
            events.push(owned(event));
        });
        assert!(reader.memory_bytes() <= 4 * (limit + 2048));
    }
    let rest = reader.finish().map(owned);
    (events, rest, *reader.stats())
}

/// The first byte is the limit, the second chooses the cuts, the rest is the stream: its events
/// are the same however it is cut.
pub fn sse_split(bytes: &[u8]) {
    let [limit, choice, stream @ ..] = bytes else { return };
    let limit = usize::from(*limit);
    let whole = read(limit, std::iter::once(stream));
    assert_eq!(whole.2.bytes, stream.len() as u64);
    assert_eq!(read(limit, stream.chunks(1)), whole);

    let mut random = Random::new(u64::from(*choice));
    let mut rest = stream;
    let slices = std::iter::from_fn(|| {
        let (slice, after) = rest.split_at(random.below(rest.len().min(40) + 1));
        rest = after;
        (!slice.is_empty() || !after.is_empty()).then_some(slice)
    });
    assert_eq!(read(limit, slices), whole);
}
