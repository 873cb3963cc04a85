//! The readers: programs that are given bodies and say which calls they would execute.

use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// A call that a reader would execute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// `python/json`
    pub reader: String,
    pub method: Vec<u8>,
    /// Empty where the method names nothing, or nothing that the reader could use.
    pub name: Option<Vec<u8>>,
}

/// A program with its arguments.
pub struct Reader {
    name: &'static str,
    command: Vec<String>,
    variables: Vec<(&'static str, String)>,
}

/// Readers at work at once.
const LANES: usize = 2;

impl Reader {
    fn new(name: &'static str, program: &Path, arguments: &[&str]) -> Self {
        let mut command = vec![program.display().to_string()];
        command.extend(arguments.iter().map(|&argument| argument.to_owned()));
        Reader { name, command, variables: Vec::new() }
    }

    /// All there are. `built` has the compiled ones, `e2e` the official SDKs; both are made by
    /// `t/differential/run`.
    pub fn all(here: &Path, built: &Path, e2e: &Path) -> Vec<Reader> {
        let script = |name: &str| here.join("readers").join(name).display().to_string();
        let (python, node) = (script("python.py"), script("node.mjs"));
        let in_python = |name, program: PathBuf, variants: &[&str]| {
            Reader::new(name, &program, &[&["-B", &python], variants].concat())
        };
        let plain = ["json", "replaced", "first", "folded", "documents", "within"];
        let mut in_node = Reader::new(
            "node",
            Path::new("node"),
            &[&node, "json", "fetch", "utf16", "merged", "folded", "within", "lines", "sdk"],
        );
        in_node
            .variables
            .push(("NODE_MODULES", e2e.join("node/node_modules").display().to_string()));
        vec![
            in_python("python", "python3".into(), &plain),
            in_python("python", e2e.join("python-mcp-1/bin/python"), &["sdk1"]),
            in_python("python", e2e.join("python/bin/python"), &["pydantic", "sdk2"]),
            in_node,
            Reader::new("go", &built.join("go"), &["struct", "documents", "map"]),
            Reader::new(
                "rust",
                &built.join("reader"),
                &["struct", "value", "documents", "simd", "simdstruct"],
            ),
            Reader::new("c", &built.join("cjson"), &[]),
        ]
    }

    /// What it executes of each body, in their order.
    fn executions(&self, bodies: &[Vec<u8>]) -> Vec<Vec<Execution>> {
        let mut child = Command::new(&self.command[0])
            .args(&self.command[1..])
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.command.join(" ")));
        let stdin = child.stdin.take().expect("it is piped");
        let mut said = String::new();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut stdin = BufWriter::with_capacity(1 << 20, stdin);
                for body in bodies {
                    let length = u32::try_from(body.len()).expect("bodies are small");
                    // A reader that ends early is noticed by its lines.
                    let _ = stdin.write_all(&length.to_be_bytes());
                    let _ = stdin.write_all(body);
                }
            });
            let stdout = child.stdout.as_mut().expect("it is piped");
            stdout.read_to_string(&mut said).expect("its lines are text");
        });
        assert!(child.wait().expect("it ends").success(), "{} failed", self.command.join(" "));
        let lines: Vec<_> = said.lines().map(|line| self.read_line(line)).collect();
        assert_eq!(lines.len(), bodies.len(), "lines of {}", self.command.join(" "));
        lines
    }

    fn read_line(&self, line: &str) -> Vec<Execution> {
        line.split_ascii_whitespace()
            .map(|call| {
                let parts: Vec<_> = call.split(':').collect();
                let [variant, method, name] = parts[..] else { panic!("{line}") };
                let reader = format!("{}/{variant}", self.name);
                let name = (name != "-").then(|| unhex(name));
                Execution { reader, method: unhex(method), name }
            })
            .collect()
    }
}

fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("two digits"))
        .collect()
}

/// What all readers together execute of each body.
pub fn executions(readers: &[Reader], bodies: &[Vec<u8>]) -> Vec<Vec<Execution>> {
    let all = Mutex::new(vec![Vec::new(); bodies.len()]);
    let queue = Mutex::new(readers.iter());
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let Some(reader) = queue.lock().expect("no reader failed").next() else {
                        break;
                    };
                    let executed = reader.executions(bodies);
                    let mut all = all.lock().expect("no reader failed");
                    all.iter_mut().zip(executed).for_each(|(all, more)| all.extend(more));
                }
            });
        }
    });
    all.into_inner().expect("no reader failed")
}
