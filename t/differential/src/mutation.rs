//! Bodies made at random, the same for the same number: JSON-RPC as it should be, and with what makes
//! readers differ in keys, values, shape, encoding and single bytes.

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// True once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

const METHODS: &[&str] = &[
    "tools/call",
    "tools/call",
    "tools/call",
    "tools/call",
    "prompts/get",
    "resources/read",
    "resources/subscribe",
    "tasks/cancel",
    "completion/complete",
    "subscriptions/listen",
    "tools/list",
    "ping",
    "initialize",
    "notifications/initialized",
    "skills/run",
    "resources/move",
];
const NAMES: &[&str] = &["wipe", "look", "crm://a/1", "näme", "a b", "", "\u{1f600}"];
/// JSON that stands where a string should.
const VALUES: &[&str] = &[
    "null",
    "true",
    "7",
    "1e400",
    "{}",
    "[]",
    "[\"wipe\"]",
    "{\"name\":\"wipe\"}",
    "\"wipe\\u0000\"",
    "\" wipe\"",
    "\"wi\\ud800pe\"",
    "\"\\ud83d\\ude00\"",
    "NaN",
    "-Infinity",
    "01",
    "'wipe'",
    "wipe",
    "\"wi\\u0070e\"",
    "\"\\u0000\"",
    "\"{\\\"method\\\":\\\"ping\\\"}\"",
];
/// Members that are put in somewhere.
const EXTRAS: &[&str] = &[
    r#""result":{}"#,
    r#""error":{"code":1,"message":""}"#,
    r#""x":1"#,
    r#""x":{"method":"ping","jsonrpc":"2.0"}"#,
    r#""__proto__":{"method":"ping","name":"look","params":{"name":"look"}}"#,
    r#""constructor":{"prototype":{"method":"ping","name":"look"}}"#,
    r#""method":"ping""#,
    r#""name":"look""#,
    r#""params":{"name":"look"}"#,
    r#""message":{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"wipe"}}"#,
    "\"message\":\n{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"tools/call\",\"params\":{\"name\":\"wipe\"}}\n",
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2025-03-26","a":1,"\u0061":2}"#,
    r#""ref":{"type":"ref/resource","uri":"crm://a","name":"look"}"#,
    r#""arguments":{"method":"GET","name":7,"__proto__":{"a":1}}"#,
    r#""task_id":"t","taskId":"u""#,
    r#""":1"#,
    "\"a\":\n[{\"method\":\"ping\"}]",
];
const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\"",
    b"\\",
    b"\\u0065",
    b"\\ud800",
    b"\n",
    b"\r\n",
    b"/*c*/",
    b"//c\n",
    b"\xef\xbb\xbf",
    b"\0",
    b"\xff",
    b"\xc1\x81",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",
    b"\x0c",
    b"-",
    b"1.",
    b"e5",
    b"0",
    b"NaN",
    b"null",
    b"\"id\":2,",
    b"\"method\":\"ping\",",
    b"\x1e",
];

/// A body.
pub fn body(random: &mut Random) -> Vec<u8> {
    let mut text = match random.below(20) {
        0 => "{\"client_name\":\"x\",\"a\":[1,{\"b\":null}]}".to_owned(),
        1 => match random.below(3) {
            0 => value(random),
            1 => by_position(random),
            _ => format!("[{}]", by_position(random)),
        },
        2..=5 => batch(random),
        _ => message(random),
    };
    match random.below(60) {
        0 => text = format!("{text}{}", message(random)),
        1 => text = format!("{text}\n{}", message(random)),
        2 => text = format!("[{text}]"),
        3 => text = format!("{{\"message\":{}{text}}}", random.pick(&["", "\n"])),
        4 => text = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        5 => text.push_str(random.pick(&["x", "\0", ",", "}", " ", "\n", "//", "null"])),
        6 => text = text.replace('"', "'"),
        7 => text = text.replace(',', ",\n"),
        8 => text = text.replace(":{", ":\n{").replace('}', "}\n"),
        _ => {}
    }
    let mut bytes = encoded(text, random);
    if random.once_in(8) {
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len() + 1);
            let end = (at + random.below(4)).min(bytes.len());
            bytes.splice(at..end, random.pick(PIECES).iter().copied());
        }
    }
    bytes
}

fn encoded(text: String, random: &mut Random) -> Vec<u8> {
    let mark = if random.once_in(2) { "\u{feff}" } else { "" };
    match random.below(100) {
        0 => format!("{mark}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
        1 => format!("{mark}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect(),
        2 => format!("{mark}{text}").chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
        3 => format!("{mark}{text}").chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
        4..=5 => format!("\u{feff}{text}").into_bytes(),
        _ => text.into_bytes(),
    }
}

fn batch(random: &mut Random) -> String {
    let items: Vec<_> = (0..random.below(4))
        .map(|_| match random.below(12) {
            0 => batch(random),
            1 => value(random),
            _ => message(random),
        })
        .collect();
    format!("[{}]", items.join(random.pick(&[",", ",", ", ", ",\n"])))
}

fn message(random: &mut Random) -> String {
    let plain = random.pick(METHODS);
    let method = string(plain, random);
    let version = if random.once_in(40) {
        random.pick(&["\"1.0\"", "2.0", "2", "null", "\"2.0\\u0000\""])
    } else {
        "\"2.0\""
    };
    let mut members = vec![member("jsonrpc", version, random), member("method", &method, random)];
    if !random.once_in(5) {
        let ids = &["1", "2", "\"a\"", "1.0", "null", "-1", "18446744073709551617"];
        let id = if random.once_in(60) { value(random) } else { random.pick(ids).to_owned() };
        members.push(member("id", &id, random));
    }
    if !random.once_in(12) {
        let params = params(plain, random);
        members.push(member("params", &params, random));
    }
    object(members, random)
}

/// A message, or its first members, as the array of them.
fn by_position(random: &mut Random) -> String {
    let members =
        ["\"2.0\"", "1", "\"tools/call\"", "{\"name\":\"wipe\"}", "[\"wipe\"]", "{}", "7"];
    let from = random.below(3);
    let to = from + random.below(members.len() - from + 1);
    format!("[{}]", members[from..to].join(","))
}

fn params(method: &str, random: &mut Random) -> String {
    if random.once_in(40) {
        return match random.below(3) {
            0 => format!("[{}]", value(random)),
            1 => "null".to_owned(),
            _ => value(random),
        };
    }
    let name = name(random);
    let mut members = match method {
        "resources/read" | "resources/subscribe" => vec![member("uri", &name, random)],
        "tasks/cancel" => vec![member("taskId", &name, random)],
        "completion/complete" => {
            let key = random.pick(&["name", "uri"]);
            let kind = random.pick(&["\"ref/resource\"", "\"ref/prompt\""]);
            let inner = vec![member("type", kind, random), member(key, &name, random)];
            let reference = object(inner, random);
            vec![member("ref", &reference, random)]
        }
        "subscriptions/listen" => {
            let uris = format!("[{name}{}]", random.pick(&["", ",\"crm://b\""]));
            let inner = vec![member("resourceSubscriptions", &uris, random)];
            let filter = object(inner, random);
            vec![member("notifications", &filter, random)]
        }
        _ => vec![member("name", &name, random)],
    };
    if random.once_in(2) {
        let arguments = random.pick(&[
            "{}",
            "{\"a\":1,\"B\":[{\"c\":\"}\"}]}",
            "{\"a\":1,\"a\":2}",
            "{\"name\":\"look\",\"method\":\"ping\"}",
            "[]",
        ]);
        members.push(member("arguments", arguments, random));
    }
    object(members, random)
}

fn name(random: &mut Random) -> String {
    match random.below(24) {
        0 => random.pick(VALUES).to_owned(),
        _ => {
            let name = random.pick(NAMES);
            string(name, random)
        }
    }
}

fn value(random: &mut Random) -> String {
    random.pick(VALUES).to_owned()
}

fn object(mut members: Vec<String>, random: &mut Random) -> String {
    while random.once_in(12) {
        members.push(random.pick(EXTRAS).to_owned());
    }
    if random.once_in(60) && !members.is_empty() {
        members.push(members[0].clone());
    }
    for at in (1..members.len()).rev() {
        members.swap(at, random.below(at + 1));
    }
    let space = random.pick(&["", "", "", "", " ", "\n", "\r\n\t"]);
    let comma =
        if random.once_in(60) { random.pick(&[",,", ";", "/**/,", ",/**/", ""]) } else { "," };
    format!("{{{space}{}{space}}}", members.join(&format!("{comma}{space}")))
}

fn member(key: &str, value: &str, random: &mut Random) -> String {
    format!("{}{}{value}", string_of_key(key, random), random.pick(&[":", ":", ":", ": ", " :\n"]))
}

/// A string, sometimes with escapes, once in a while as something else.
fn string(text: &str, random: &mut Random) -> String {
    match random.below(30) {
        0 => value(random),
        1 => format!("\"{}\"", text.to_uppercase()),
        2 => format!("\"{text}{}\"", random.pick(&["\\u0000", "\\u0000x", " ", "\\n", "\\u200b"])),
        3..=6 => quoted_with_escape(text, random),
        _ => format!("\"{text}\""),
    }
}

fn string_of_key(key: &str, random: &mut Random) -> String {
    match random.below(160) {
        0 => format!("\"{}\"", key.to_uppercase()),
        1 => {
            let mut letters = key.chars();
            let first: String = letters.by_ref().take(1).flat_map(char::to_uppercase).collect();
            format!("\"{first}{}\"", letters.as_str())
        }
        2 => format!("\"{}\"", key.replace('s', "\u{17f}").replace('k', "\u{212a}")),
        3 => format!("\"{}\"", key.replace('i', "\u{131}")),
        4 => format!(
            "\"{key}{}\"",
            random.pick(&["\\u0000", "\\u0000x", " ", "\\t", "\\u200b", "\u{feff}"])
        ),
        5 => format!("\"{} {key}\"", random.pick(&["", "\\u0000"])),
        6 => key.to_owned(),
        7 => format!("'{key}'"),
        8 => format!("\"{}\"", key.replace('I', "_i").replace('S', "_s")),
        9..=19 => quoted_with_escape(key, random),
        _ => format!("\"{key}\""),
    }
}

fn quoted_with_escape(text: &str, random: &mut Random) -> String {
    let chosen = random.below(text.chars().count().max(1));
    let letters = text.chars().enumerate().map(|(at, letter)| {
        if at != chosen {
            return letter.to_string();
        }
        letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
    });
    format!("\"{}\"", letters.collect::<String>())
}
