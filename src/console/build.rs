//! Puts the page into the crate: every file of `ui/dist`, which Vite makes (`make build` sees to
//! that), also compressed.

use flate2::{Compression, write::GzEncoder};
use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What stands in the page's place where it was not built.
const MISSING: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
    <title>MCP Sessions</title>\n<h1>This module was built without its page</h1>\n\
    <p>Build it with <code>make build</code>, which needs Node.js, or run <code>npm ci</code> and \
    <code>npm run build</code> in <code>src/console/ui</code> before the module is built.\n\
    <p>The data is there: <a href=\"api/v1/sessions\">api/v1/sessions</a>, described in \
    <a href=\"api/v1/openapi.json\">api/v1/openapi.json</a>.\n</html>\n";

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let dist = root.join("ui/dist");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist, &dist, &mut files)?;
    } else {
        println!(
            "cargo::warning=the console's page is not built (src/console/ui/dist): the module \
             will say so in its place. `make build` builds it; it needs Node.js"
        );
        files.push(("index.html".to_owned(), MISSING.as_bytes().to_vec()));
    }
    files.sort();
    let mut table = String::from("static ASSETS: &[Asset] = &[\n");
    for (index, (path, bytes)) in files.iter().enumerate() {
        let gzip = compressed(bytes)?;
        let (plain, small) = (out.join(format!("{index}")), out.join(format!("{index}.gz")));
        fs::write(&plain, bytes)?;
        fs::write(&small, gzip)?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        writeln!(
            table,
            "    Asset {{ path: {path:?}, media_type: {:?}, bytes: include_bytes!({plain:?}), \
             gzip: include_bytes!({small:?}), tag: \"{:016x}\" }},",
            media_type(path)?,
            hasher.finish(),
        )?;
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}

fn collect(
    root: &Path,
    folder: &Path,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        println!("cargo::rerun-if-changed={}", path.display());
        if path.is_dir() {
            collect(root, &path, files)?;
            continue;
        }
        let name = path.strip_prefix(root)?.to_str().ok_or("a file's name is not UTF-8")?;
        files.push((name.to_owned(), fs::read(&path)?));
    }
    Ok(())
}

/// Empty where it is no smaller.
fn compressed(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    let gzip = encoder.finish()?;
    Ok(if gzip.len() < bytes.len() { gzip } else { Vec::new() })
}

fn media_type(path: &str) -> Result<&'static str, Box<dyn Error>> {
    Ok(match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        _ => return Err(format!("{path}: of no known media type").into()),
    })
}
