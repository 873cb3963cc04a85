//! Levels of a configuration: what each says, and what is in force in it.

use record::Mode;
use regex::Regex;

/// `http`, `server`, `location`, or the draft itself.
#[derive(Debug)]
pub(crate) struct Level {
    /// The level around it.
    pub(super) parent: Option<usize>,
    pub(super) kind: LevelKind,
    pub(super) said: Said,
    /// Its own controls.
    pub(super) controls: Vec<usize>,
}

#[derive(Debug)]
pub(super) enum LevelKind {
    /// Around everything.
    Draft,
    Http,
    Server {
        names: Vec<String>,
    },
    Location(Matcher),
    /// `if`, `limit_except`: no place for controls.
    Condition,
}

/// What a location is for.
#[derive(Debug)]
pub(super) enum Matcher {
    Exact(String),
    Prefix {
        text: String,
        /// `^~`: regular expressions are not asked.
        is_final: bool,
    },
    /// `None`: it is none that can be understood here.
    Regex(Option<Regex>),
    /// `@name`: no request comes to it by its path.
    Named,
}

/// What directives say at a level; `None` where they say nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) server_name: Option<String>,
    pub(crate) mode: Option<Mode>,
    /// `mcp_controls_inherit`.
    pub(crate) inherits: Option<bool>,
    /// `mcp_user`: its values, none for `off`; and whether it is hashed.
    pub(crate) user: Option<Named>,
    /// `mcp_role`.
    pub(crate) role: Option<Named>,
    /// `mcp_param`: names with their values.
    pub(crate) params: Option<Vec<(String, Named)>>,
    /// `mcp_capture arguments=`.
    pub(crate) arguments: Option<String>,
}

/// Values of which the first that is not empty is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) values: Vec<String>,
    pub(crate) is_hashed: bool,
}

impl Level {
    pub(super) fn new(parent: Option<usize>, kind: LevelKind) -> Self {
        Level { parent, kind, said: Said::default(), controls: Vec::new() }
    }
}

impl Said {
    /// Takes a directive; what is none of ours is passed over.
    pub(super) fn take(&mut self, words: &[String]) {
        let Some((name, values)) = words.split_first() else { return };
        match (name.as_str(), values) {
            ("mcp_server_name", [text]) => self.server_name = Some(text.clone()),
            ("mcp_mode", [word]) => {
                self.mode = Mode::ALL.into_iter().find(|mode| mode.as_str() == word);
            }
            ("mcp_controls_inherit", [word]) => self.inherits = Some(word == "on"),
            ("mcp_user", values) => self.user = Some(named(values)),
            ("mcp_role", values) => self.role = Some(named(values)),
            ("mcp_param", [name, values @ ..]) => {
                let params = self.params.get_or_insert_default();
                if !values.is_empty() {
                    params.push((name.clone(), named(values)));
                }
            }
            ("mcp_capture", words) => {
                let said = words.iter().find_map(|word| word.strip_prefix("arguments="));
                self.arguments = said.map(str::to_owned).or(self.arguments.take());
            }
            _ => {}
        }
    }

    /// Fills in what is not said from the level around.
    pub(super) fn inherit(&mut self, outer: &Said) {
        fn fill<T: Clone>(mine: &mut Option<T>, outer: &Option<T>) {
            if mine.is_none() {
                mine.clone_from(outer);
            }
        }
        fill(&mut self.server_name, &outer.server_name);
        fill(&mut self.mode, &outer.mode);
        fill(&mut self.user, &outer.user);
        fill(&mut self.role, &outer.role);
        fill(&mut self.params, &outer.params);
        fill(&mut self.arguments, &outer.arguments);
    }
}

fn named(words: &[String]) -> Named {
    let is_value =
        |word: &&String| *word != "hashed" && *word != "off" && !word.starts_with("separator=");
    Named {
        values: words.iter().filter(is_value).cloned().collect(),
        is_hashed: words.iter().any(|word| word == "hashed"),
    }
}
