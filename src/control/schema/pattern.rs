//! Regular expressions that cannot take longer than they are given.

use std::collections::HashMap;
use std::sync::Arc;

use regex_automata::Input;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::{NFA, State, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;

use super::budget::{Budget, Exhausted};
use super::{PATTERNS_BYTES_MAX, ecma};

/// Longer expressions are dropped.
const TEXT_BYTES_MAX: usize = 4096;
/// Groups within groups.
const NEST_MAX: u32 = 64;
/// Memory of an automaton that is followed state by state; an expression that needs more is dropped.
const NFA_BYTES_MAX: usize = 128 * 1024;
/// Memory of an automaton in which one state is followed. Expressions that need more take the former.
const DFA_BYTES_MAX: usize = 16 * 1024;
/// Memory while it is made.
const DETERMINIZE_BYTES_MAX: usize = 64 * 1024;
/// Expressions that schemas share; those beyond are made anew for each.
const SHARED_MAX: usize = 1024;
/// Bytes that the automaton with one state reads in a step.
const DFA_BYTES_PER_STEP: u64 = 2;

/// A regular expression, matched anywhere in a text.
///
/// The engine is that of the crate `regex`, taken apart: `regex` itself chooses between engines whose
/// time differs by a factor of thousands, and says neither beforehand nor afterwards how much it took.
#[derive(Debug)]
pub(super) struct Pattern {
    text: Box<str>,
    automaton: Automata,
}

enum Automata {
    /// Two nanoseconds a byte, whatever the expression.
    One(Box<dense::DFA<Vec<u32>>>),
    /// As many steps a byte as states are live.
    Many(Box<NFA>),
}

impl std::fmt::Debug for Automata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Automata::One(_) => "one state",
            Automata::Many(_) => "many states",
        })
    }
}

impl Pattern {
    /// `None` for an expression that cannot be matched in linear time, or not within the limits,
    /// one of which is the memory that is left.
    pub(super) fn new(text: &str, bytes_max: usize) -> Option<Pattern> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let syntax = syntax::Config::new().utf8(false).nest_limit(NEST_MAX);
        let nfa = NFA::config()
            .utf8(false)
            .nfa_size_limit(Some(NFA_BYTES_MAX))
            .which_captures(WhichCaptures::None);
        let nfa =
            NFA::compiler().syntax(syntax).configure(nfa).build(&ecma::translated(text)?).ok()?;
        let dfa = dense::Config::new()
            .start_kind(StartKind::Unanchored)
            .accelerate(false)
            .dfa_size_limit(Some(DFA_BYTES_MAX))
            .determinize_size_limit(Some(DETERMINIZE_BYTES_MAX));
        let automaton = match dense::Builder::new().configure(dfa).build_from_nfa(&nfa) {
            Ok(dfa) => Automata::One(Box::new(dfa)),
            Err(_) => Automata::Many(Box::new(nfa)),
        };
        let pattern = Pattern { text: text.into(), automaton };
        (pattern.memory_bytes() <= bytes_max).then_some(pattern)
    }

    /// The expression as the schema has it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let automaton = match &self.automaton {
            Automata::One(dfa) => size_of::<dense::DFA<Vec<u32>>>() + dfa.memory_usage(),
            Automata::Many(nfa) => size_of::<NFA>() + nfa.memory_usage(),
        };
        size_of::<Pattern>() + self.text.len() + automaton
    }

    /// Whether it matches anywhere in `text`.
    pub(super) fn is_match(&self, text: &[u8], budget: &mut Budget) -> Result<bool, Exhausted> {
        match &self.automaton {
            Automata::One(dfa) => {
                budget.take(8 + text.len() as u64 / DFA_BYTES_PER_STEP)?;
                let input = Input::new(text).earliest(true);
                // It can only fail with features that are not asked of it.
                dfa.try_search_fwd(&input).map(|end| end.is_some()).map_err(|_| Exhausted)
            }
            Automata::Many(nfa) => Walk::new(nfa, text, budget)?.finds_match(),
        }
    }
}

/// Expressions that several schemas share: those of one MCP server are mostly a few, and an automaton
/// takes longer to make than the rest of a schema.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    /// `None` for expressions that are dropped.
    known: HashMap<Box<str>, Option<Arc<Pattern>>>,
}

impl Patterns {
    /// As [`Pattern::new`], made once.
    pub(super) fn get(&mut self, text: &str, bytes_max: usize) -> Option<Arc<Pattern>> {
        let pattern = match self.known.get(text) {
            Some(pattern) => pattern.clone(),
            None => {
                let pattern = Pattern::new(text, PATTERNS_BYTES_MAX).map(Arc::new);
                if self.known.len() < SHARED_MAX {
                    self.known.insert(text.into(), pattern.clone());
                }
                pattern
            }
        };
        pattern.filter(|it| it.memory_bytes() <= bytes_max)
    }
}

/// Follows all states that an NFA can be in, a step for each.
struct Walk<'a> {
    nfa: &'a NFA,
    text: &'a [u8],
    budget: &'a mut Budget,
    /// States to be looked at before the next byte is read.
    stack: Vec<StateID>,
    /// When each state was last live: the number of bytes read, plus one.
    live_at: Vec<usize>,
    now: Vec<StateID>,
    next: Vec<StateID>,
}

impl<'a> Walk<'a> {
    fn new(nfa: &'a NFA, text: &'a [u8], budget: &'a mut Budget) -> Result<Self, Exhausted> {
        let states = nfa.states().len();
        budget.take(8 + states as u64 / 8)?;
        let live_at = vec![0; states];
        Ok(Walk {
            nfa,
            text,
            budget,
            stack: Vec::new(),
            live_at,
            now: Vec::new(),
            next: Vec::new(),
        })
    }

    fn finds_match(mut self) -> Result<bool, Exhausted> {
        for at in 0..=self.text.len() {
            self.budget.take(1)?;
            // A match may begin here.
            if self.is_live(self.nfa.start_anchored(), at)? {
                return Ok(true);
            }
            std::mem::swap(&mut self.now, &mut self.next);
            let Some(&byte) = self.text.get(at) else { break };
            let mut now = std::mem::take(&mut self.now);
            for &state in &now {
                self.budget.take(1)?;
                let to = match self.nfa.state(state) {
                    State::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
                    State::Sparse(sparse) => {
                        self.budget.take(sparse.transitions.len() as u64 / 8)?;
                        sparse.matches_byte(byte)
                    }
                    State::Dense(dense) => dense.matches_byte(byte),
                    _ => None,
                };
                if let Some(to) = to
                    && self.is_live(to, at + 1)?
                {
                    return Ok(true);
                }
            }
            now.clear();
            self.now = now;
            if self.next.is_empty() && self.nfa.is_always_start_anchored() {
                break;
            }
        }
        Ok(false)
    }

    /// Makes a state and all that follow it without a byte live in front of the byte `at`. True for
    /// a match.
    fn is_live(&mut self, state: StateID, at: usize) -> Result<bool, Exhausted> {
        self.stack.push(state);
        while let Some(state) = self.stack.pop() {
            self.budget.take(1)?;
            match self.live_at.get_mut(state.as_usize()) {
                Some(live_at) if *live_at <= at => *live_at = at + 1,
                _ => continue,
            }
            match self.nfa.state(state) {
                State::Match { .. } => return Ok(true),
                State::Fail => {}
                State::Look { look, next } => {
                    if self.nfa.look_matcher().matches(*look, self.text, at) {
                        self.stack.push(*next);
                    }
                }
                State::Union { alternates } => {
                    self.budget.take(alternates.len() as u64)?;
                    self.stack.extend(alternates.iter());
                }
                State::BinaryUnion { alt1, alt2 } => self.stack.extend([*alt2, *alt1]),
                State::Capture { next, .. } => self.stack.push(*next),
                State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) => {
                    self.next.push(state);
                }
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both engines must agree.
    fn is_match(pattern: &str, text: &str) -> Option<bool> {
        let made = Pattern::new(pattern, usize::MAX)?;
        let is_match = made.is_match(text.as_bytes(), &mut Budget::new(1 << 30)).unwrap();
        let nfa = NFA::config().utf8(false).which_captures(WhichCaptures::None);
        let nfa = NFA::compiler()
            .syntax(syntax::Config::new().utf8(false))
            .configure(nfa)
            .build(&ecma::translated(pattern).unwrap())
            .unwrap();
        let mut budget = Budget::new(1 << 30);
        let walk = Walk::new(&nfa, text.as_bytes(), &mut budget).unwrap();
        assert_eq!(walk.finds_match().unwrap(), is_match, "{pattern} {text}");
        Some(is_match)
    }

    #[test]
    fn patterns_mean_what_ecmascript_means() {
        for (pattern, yes, no) in [
            ("a+", &["xay"][..], &["", "b"][..]),
            ("^a*$", &["", "aa"], &["b", "a\n"]),
            (r"^\d+$", &["12"], &["", "\u{0663}", "1a"]),
            (r"^\w$", &["a", "_"], &["\u{e9}", "-"]),
            (r"^\s$", &[" ", "\u{feff}", "\u{2029}", "\u{2003}"], &["\u{85}", "a"]),
            (r"^[\w.-]+$", &["a.b-c"], &["a b"]),
            (r"^[\w-.]+$", &["a.b-c"], &["a b"]),
            (r"^[^]$", &["a", "\n"], &["", "ab"]),
            (r"[]", &[], &["", "a"]),
            (r"^[[a]$", &["[", "a"], &["]", "b"]),
            (r"^[a&&b]$", &["a", "&", "b"], &["c"]),
            (r"^.$", &["a", "\u{1f600}"], &["\n", "\u{2028}", ""]),
            (r"^\u{1f600}$", &["\u{1f600}"], &["u"]),
            (r"^\ud83d\ude00$", &["\u{1f600}"], &[""]),
            (r"^\u00e9\x41\cA\0$", &["\u{e9}A\u{1}\0"], &[""]),
            (r"^\p{L}+$", &["\u{e9}a"], &["1"]),
            (r"^\p{Script=Greek}$", &["\u{3b1}"], &["a"]),
            (r"^[\p{Lu}\d]$", &["A", "1"], &["a"]),
            (r"^a{2,3}$", &["aa", "aaa"], &["a", "aaaa"]),
            (r"^{a}$", &["{a}"], &["a"]),
            (r"^x\/\-y$", &["x/-y"], &["xy"]),
            (r"\bfoo\b", &["a foo b"], &["afoob"]),
            (r"(?i)^abc$", &["ABC"], &["ab"]),
            (r"^(?:a|b)(?<n>c)$", &["ac"], &["c"]),
            ("(a+)+$", &["aaaa", "xa"], &["b"]),
            ("[ab]*a[ab]{12}$", &["abbbbbbbbbbbb"], &["bbbbbbbbbbbbb"]),
        ] {
            for text in yes {
                assert_eq!(is_match(pattern, text), Some(true), "{pattern} {text:?}");
            }
            for text in no {
                assert_eq!(is_match(pattern, text), Some(false), "{pattern} {text:?}");
            }
        }
    }

    #[test]
    fn what_no_automaton_can_match_is_none() {
        let long = "a".repeat(5000);
        for pattern in [
            "(?=a)",
            "(?!a)",
            "(?<=a)",
            "(?<!a)",
            r"(a)\1",
            r"(?<n>a)\k<n>",
            "(",
            "[a",
            r"\c1",
            "[b-a]",
            r"\p{Nothing}",
            "(a{1000}){1000}",
            "((a{100}){100}){100}",
            &long,
        ] {
            assert!(Pattern::new(pattern, usize::MAX).is_none(), "{pattern}");
        }
        assert!(Pattern::new("a", 10).is_none());
    }

    #[test]
    fn an_expression_that_backtracks_for_ever_takes_linear_steps() {
        for (pattern, text) in [
            ("^(a+)+$", "a".repeat(2000) + "!"),
            ("^(a|a)*$", "a".repeat(2000) + "!"),
            ("[ab]*a[ab]{100}$", "ab".repeat(100)),
        ] {
            let pattern = Pattern::new(pattern, usize::MAX).unwrap();
            let mut budget = Budget::new(60_000);
            assert!(pattern.is_match(text.as_bytes(), &mut budget).is_ok(), "{}", pattern.text());
        }
        let pattern = Pattern::new("[ab]*a[ab]{1000}$", usize::MAX).unwrap();
        let text = "a".repeat(100_000);
        assert!(pattern.is_match(text.as_bytes(), &mut Budget::new(60_000)).is_err());
    }
}
