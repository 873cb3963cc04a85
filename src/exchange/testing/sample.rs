//! Captured exchanges (t/data): the exact bytes of official clients and servers.

use super::{Exchange, Values};
use crate::BodyEnd;
use std::fs;
use std::path::{Path, PathBuf};

/// The conversations in t/data: every folder there.
pub(crate) fn folders() -> Vec<String> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../t/data");
    let mut found: Vec<String> = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert!(found.len() >= FOLDERS_MIN, "{found:?}");
    found
}

/// There are at least so many.
const FOLDERS_MIN: usize = 13;

/// A captured exchange.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Its folder and file, for messages.
    pub(crate) name: String,
    pub(crate) exchange: Exchange,
}

/// All of a folder in t/data, in the order they were captured.
pub(crate) fn samples(folder: &str) -> Vec<Sample> {
    let folder = folder_path(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".request.raw"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no samples in {}", folder.display());
    files.iter().map(|path| read(path)).collect()
}

/// Where a conversation lies.
pub(crate) fn folder_path(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../t/data").join(folder)
}

fn read(path: &Path) -> Sample {
    let name = path.to_string_lossy().replace(".request.raw", "");
    let request = fs::read(path).unwrap();
    let answer = fs::read(format!("{name}.response.raw")).unwrap();
    let (line, headers, body) = message(&request);
    // Captured until the probe had seen enough, and left.
    let is_left = is_cut(&answer);
    let (status, answer_headers, answer) = message(&answer);
    let mut words = line.split(' ');
    let method = match words.next().unwrap() {
        "POST" => "POST",
        "GET" => "GET",
        "DELETE" => "DELETE",
        "PUT" => "PUT",
        other => panic!("{other}"),
    };
    let target = words.next().unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let name = Path::new(&name).file_name().unwrap().to_string_lossy().into_owned();
    Sample {
        name,
        exchange: Exchange {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body,
            status: status.split(' ').nth(1).map_or(499, |code| code.parse().unwrap()),
            answer_headers,
            answer,
            request_end: BodyEnd::Complete,
            answer_end: if is_left { BodyEnd::Aborted } else { BodyEnd::Complete },
            is_client_gone: is_left,
            values: Values { address: "10.0.0.7".to_owned(), ..Values::default() },
        },
    }
}

/// Whether an answer in chunks was captured without its last one.
fn is_cut(answer: &[u8]) -> bool {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(answer.len());
    let head = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
    head.contains("transfer-encoding: chunked") && !answer.ends_with(b"0\r\n\r\n")
}

type Headers = Vec<(String, Vec<u8>)>;

/// First line, headers and body of an HTTP/1.1 message, its chunks joined.
fn message(bytes: &[u8]) -> (String, Headers, Vec<u8>) {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap().to_owned();
    let headers: Headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_bytes().to_vec()))
        .collect();
    let is_chunked =
        headers.iter().any(|(name, value)| name == "transfer-encoding" && value == b"chunked");
    let body = bytes.get(end + 4..).unwrap_or_default();
    let body = if is_chunked { joined(body) } else { body.to_vec() };
    (first, headers, body)
}

fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = chunks.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&chunks[..end]).unwrap();
        let size = usize::from_str_radix(size.split(';').next().unwrap().trim(), 16).unwrap();
        let data = &chunks[end + 2..];
        out.extend_from_slice(&data[..size.min(data.len())]);
        chunks = data.get(size + 2..).unwrap_or_default();
        if size == 0 {
            break;
        }
    }
    out
}
