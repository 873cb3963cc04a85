//! The hand-made cases: `corpus/*.txt`.
//!
//! A case begins with a line `== NAME`, goes on with `header: NAME: VALUE` lines if it has any, then
//! `verdict: …` as this project shall say, and then the body: the lines up to the empty line before
//! the next case, without the line feed behind them. In it, within `⟨…⟩`: hexadecimal bytes
//! (`⟨ff fe⟩`); text so many times (`⟨300×[⟩`); and at its beginning how all of it is encoded
//! (`⟨utf-16le⟩`, `⟨utf-16be⟩`, `⟨utf-32le⟩`, `⟨utf-32be⟩`).

use std::path::Path;

pub struct Case {
    pub name: String,
    /// As of the file: `refused RULE`, `other`, `calls METHOD NAME, …`.
    pub verdict: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// All cases, by file and place.
pub fn cases(folder: &Path) -> Vec<Case> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|file| {
            let text = std::fs::read_to_string(file).expect("a readable file");
            let begin = text.find("== ").expect("a case");
            text[begin..].split("\n\n== ").map(case).collect::<Vec<_>>()
        })
        .collect()
}

fn case(text: &str) -> Case {
    let text = text.strip_prefix("== ").unwrap_or(text);
    let (name, mut rest) = text.split_once('\n').expect("a name and more");
    let mut headers = Vec::new();
    let verdict = loop {
        let (line, more) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = more;
        if let Some(header) = line.strip_prefix("header: ") {
            let (name, value) = header.split_once(':').expect("a header");
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        } else {
            break line.strip_prefix("verdict: ").unwrap_or_else(|| panic!("{name}: {line}"));
        }
    };
    let body = body(rest.strip_suffix('\n').unwrap_or(rest));
    Case { name: name.to_owned(), verdict: verdict.to_owned(), headers, body }
}

fn body(text: &str) -> Vec<u8> {
    type Encode = fn(&str) -> Vec<u8>;
    let encodings: [(&str, Encode); 4] = [
        ("⟨utf-16le⟩", |text| text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("⟨utf-16be⟩", |text| text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("⟨utf-32le⟩", |text| text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect()),
        ("⟨utf-32be⟩", |text| text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect()),
    ];
    for (mark, encode) in encodings {
        if let Some(text) = text.strip_prefix(mark) {
            return encode(text);
        }
    }
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((plain, more)) = rest.split_once('⟨') {
        let (escape, after) = more.split_once('⟩').expect("a closing bracket");
        bytes.extend_from_slice(plain.as_bytes());
        match escape.split_once('×') {
            Some((count, text)) => {
                bytes.extend(text.repeat(count.parse().expect("a number")).into_bytes());
            }
            None => bytes.extend(escape.split(' ').map(|byte| {
                u8::from_str_radix(byte, 16).unwrap_or_else(|_| panic!("no byte: {byte}"))
            })),
        }
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
