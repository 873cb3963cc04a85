//! Random changes to seeds, the same for the same number.

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to choose places and bytes.
pub struct Random(u64);

impl Random {
    /// Numbers that follow from `seed` alone.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which must not be 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Pieces that change the meaning of JSON and event streams.
const PIECES: [&[u8]; 38] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"\\udc00",
    b"\\u0000",
    b"\\u006a",
    b"/*",
    b"*/",
    b"//",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"data:",
    b"data: ",
    b"id:",
    b"event:",
    b"retry:",
    b"\xef\xbb\xbf",
    b"\0",
    b"\xff",
    b"\xe2\x82",
    b"-",
    b"1e999",
    b"0.1",
    b"NaN",
    b"null",
    b"true",
    b"\"id\":",
    b"\"method\":",
    b"\"jsonrpc\":\"2.0\",",
];

/// A seed with up to eight changes.
pub fn mutated(seeds: &[&[u8]], random: &mut Random) -> Vec<u8> {
    let mut bytes = random.pick(seeds).to_vec();
    for _ in 0..random.below(9) {
        let at = random.below(bytes.len() + 1);
        let end = at + random.below((bytes.len() - at).min(16) + 1);
        match random.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, random.pick(&PIECES).iter().copied())),
            3 => drop(bytes.splice(at..end, random.pick(&PIECES).iter().copied())),
            4 => {
                let other = random.pick(seeds);
                let from = random.below(other.len() + 1);
                bytes.splice(at..at, other[from..].iter().copied());
            }
            5 => {
                let copy = bytes[at..end].repeat(1 + random.below(20));
                bytes.splice(at..at, copy);
            }
            6 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            _ => bytes.insert(at, random.next() as u8),
        }
        bytes.truncate(4096);
    }
    bytes
}
