//! What this project makes of a body, and what must hold beside what readers execute.

use std::fmt;

use protocol::{Boundary, RequestHeaders, Scanner, boundary, messages, primitives};

use crate::readers::Execution;

/// A call that controls would judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub method: String,
    pub name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// With the rule that was broken.
    Refused(&'static str),
    Other,
    Calls(Vec<Judged>),
}

impl Verdict {
    pub fn of(scanner: &mut Scanner, body: &[u8], headers: &RequestHeaders<'_>) -> Verdict {
        let document = scanner.scan_body(body);
        match boundary(&document, headers) {
            Boundary::Refused(objection) => Verdict::Refused(objection.rule.as_str()),
            Boundary::Other => Verdict::Other,
            Boundary::Calls => Verdict::Calls(
                messages(&document)
                    .filter_map(|message| Some((message.method?, message.params)))
                    .flat_map(|(method, params)| {
                        let names: Vec<_> = primitives(&method, params)
                            .into_iter()
                            .map(|primitive| Some(primitive.name.into_owned()))
                            .collect();
                        let names = if names.is_empty() { vec![None] } else { names };
                        names
                            .into_iter()
                            .map(move |name| Judged { method: method.clone().into_owned(), name })
                    })
                    .collect(),
            ),
        }
    }

    /// Whether controls did not see what this reader executes. A call without a name is seen with
    /// any.
    pub fn overlooks(&self, execution: &Execution) -> bool {
        match self {
            Verdict::Refused(_) => false,
            Verdict::Other => true,
            Verdict::Calls(judged) => !judged.iter().any(|judged| {
                let name = judged.name.as_ref().map(String::as_bytes);
                judged.method.as_bytes() == execution.method
                    && (execution.name.is_none() || name == execution.name.as_deref())
            }),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Refused(rule) => write!(f, "refused {rule}"),
            Verdict::Other => f.write_str("other"),
            Verdict::Calls(judged) => {
                f.write_str("calls")?;
                let mut separator = " ";
                for Judged { method, name } in judged {
                    let name = name.as_ref().map(|name| format!(" {}", name.escape_debug()));
                    write!(f, "{separator}{}{}", method.escape_debug(), name.unwrap_or_default())?;
                    separator = ", ";
                }
                Ok(())
            }
        }
    }
}
