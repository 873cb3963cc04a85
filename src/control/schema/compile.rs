//! From the JSON of a schema to nodes.

mod arrays;
mod check;
mod objects;
mod references;
mod scalars;

use std::collections::HashMap;
use std::sync::Arc;

use protocol::{Flaws, Limits, Scanner, Value};

use super::nodes::{ANYTHING, Keyword, NOTHING, Node, NodeId, UNKNOWN};
use super::pattern::{Pattern, Patterns};
use super::{
    NODES_MAX, PATTERNS_BYTES_MAX, PATTERNS_MAX, Refused, SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX,
};
use references::References;

/// Values and keys in the JSON of a schema.
const JSON_NODES_MAX: usize = 1 << 18;

/// A schema's nodes, the first of which are [`ANYTHING`], [`NOTHING`] and [`UNKNOWN`].
pub(super) struct Compiled {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
    pub(super) dropped: u32,
    pub(super) patterns: Vec<Arc<Pattern>>,
}

/// Compiles a schema. Takes time and memory linear in its bytes, but for references, of which there is
/// a limited number.
pub(super) fn compile(json: &[u8], shared: &mut Patterns) -> Result<Compiled, Refused> {
    if json.len() > SCHEMA_BYTES_MAX {
        return Err(Refused::TooLarge);
    }
    let mut scanner = Scanner::with_limits(Limits {
        depth_max: SCHEMA_DEPTH_MAX,
        nodes_max: JSON_NODES_MAX,
        copy_bytes_max: 0,
    });
    let document = scanner.scan(json);
    let flaws = document.flaws();
    if flaws.contains(Flaws::TOO_DEEP) {
        return Err(Refused::TooDeep);
    }
    if flaws.contains(Flaws::TOO_MANY_NODES) {
        return Err(Refused::TooManyNodes);
    }
    // A schema may hold half a surrogate pair without being another one for it.
    if !flaws.without(Flaws::LONE_SURROGATE).is_empty() {
        return Err(Refused::NotJson);
    }
    let root = document.root().ok_or(Refused::NotJson)?;
    if !root.is_object() && root.as_bool().is_none() {
        return Err(Refused::NotASchema);
    }
    let mut compiler = Compiler::new(root, shared);
    let root = compiler.node(root)?;
    compiler.work()?;
    check::check(&compiler.nodes)?;
    let mut patterns: Vec<_> = compiler.patterns.into_values().flatten().collect();
    patterns.sort_unstable_by(|one, other| one.text().cmp(other.text()));
    Ok(Compiled { nodes: compiler.nodes, root, dropped: compiler.dropped, patterns })
}

struct Compiler<'a> {
    /// Draft-07 or older: `$ref` stands alone, and keywords of later drafts are unknown.
    is_old: bool,
    nodes: Vec<Node>,
    /// Nodes by where their JSON begins.
    known: HashMap<usize, NodeId>,
    pending: Vec<(NodeId, Value<'a>)>,
    references: References<'a>,
    patterns: HashMap<String, Option<Arc<Pattern>>>,
    shared: &'a mut Patterns,
    pattern_bytes: usize,
    dropped: u32,
}

impl<'a> Compiler<'a> {
    fn new(root: Value<'a>, shared: &'a mut Patterns) -> Self {
        let draft = root.get("$schema").and_then(|draft| draft.as_str()).unwrap_or_default();
        let old = ["/draft-03/", "/draft-04/", "/draft-06/", "/draft-07/"];
        let fixed = [
            Node::default(),
            Node { keywords: [Keyword::Never].into() },
            Node { keywords: [Keyword::Dropped].into() },
        ];
        Compiler {
            is_old: old.iter().any(|old| draft.contains(old)),
            nodes: fixed.into(),
            known: HashMap::new(),
            pending: Vec::new(),
            references: References::new(root),
            patterns: HashMap::new(),
            shared,
            pattern_bytes: 0,
            dropped: 0,
        }
    }

    /// The number of a subschema, which is compiled later if it is new.
    fn node(&mut self, schema: Value<'a>) -> Result<NodeId, Refused> {
        match schema.as_bool() {
            Some(true) => return Ok(ANYTHING),
            Some(false) => return Ok(NOTHING),
            None => {}
        }
        if !schema.is_object() {
            self.dropped += 1;
            return Ok(UNKNOWN);
        }
        if schema.members().next().is_none() {
            return Ok(ANYTHING);
        }
        let start = schema.span().start;
        if let Some(&node) = self.known.get(&start) {
            return Ok(node);
        }
        if self.nodes.len() >= NODES_MAX {
            return Err(Refused::TooManyNodes);
        }
        let node = self.nodes.len() as NodeId;
        self.nodes.push(Node::default());
        self.known.insert(start, node);
        self.pending.push((node, schema));
        Ok(node)
    }

    /// The subschemas of an array; `None`, counted, if it is none or empty.
    fn nodes_of(&mut self, schemas: Value<'a>) -> Result<Option<Box<[NodeId]>>, Refused> {
        let nodes: Vec<_> =
            schemas.items().map(|schema| self.node(schema)).collect::<Result<_, _>>()?;
        if nodes.is_empty() {
            self.dropped += 1;
            return Ok(None);
        }
        Ok(Some(nodes.into()))
    }

    fn work(&mut self) -> Result<(), Refused> {
        while let Some((node, schema)) = self.pending.pop() {
            let keywords = self.keywords(schema)?.into();
            if let Some(node) = self.nodes.get_mut(node as usize) {
                node.keywords = keywords;
            }
        }
        Ok(())
    }

    /// The keywords of a schema, the cheapest first.
    fn keywords(&mut self, schema: Value<'a>) -> Result<Vec<Keyword>, Refused> {
        let mut keywords = Vec::new();
        let references: &[&str] =
            if self.is_old { &["$ref"] } else { &["$ref", "$dynamicRef", "$recursiveRef"] };
        for name in references {
            let Some(reference) = schema.get(name) else { continue };
            let target = self.references.target(reference)?;
            keywords.push(Keyword::Ref(self.node(target)?));
            if self.is_old {
                return Ok(keywords);
            }
        }
        let dropped = self.dropped;
        self.scalars(schema, &mut keywords);
        self.array(schema, &mut keywords)?;
        self.object(schema, &mut keywords)?;
        self.applicators(schema, &mut keywords)?;
        if self.dropped > dropped {
            keywords.push(Keyword::Dropped);
        }
        self.unevaluated(schema, &mut keywords)?;
        Ok(keywords)
    }

    fn applicators(
        &mut self,
        schema: Value<'a>,
        keywords: &mut Vec<Keyword>,
    ) -> Result<(), Refused> {
        for (name, keyword) in [
            ("allOf", Keyword::AllOf as fn(Box<[NodeId]>) -> Keyword),
            ("anyOf", Keyword::AnyOf),
            ("oneOf", Keyword::OneOf),
        ] {
            if let Some(schemas) = schema.get(name)
                && let Some(nodes) = self.nodes_of(schemas)?
            {
                keywords.push(keyword(nodes));
            }
        }
        if let Some(refused) = schema.get("not") {
            keywords.push(Keyword::Not(self.node(refused)?));
        }
        if let Some(condition) = schema.get("if") {
            let (then, otherwise) = (schema.get("then"), schema.get("else"));
            // By itself it still tells `unevaluatedProperties` what was looked at.
            if then.is_some() || otherwise.is_some() || !self.is_old {
                let condition = self.node(condition)?;
                let then = then.map_or(Ok(ANYTHING), |then| self.node(then))?;
                let otherwise = otherwise.map_or(Ok(ANYTHING), |it| self.node(it))?;
                keywords.push(Keyword::If(condition, then, otherwise));
            }
        }
        Ok(())
    }

    fn unevaluated(
        &mut self,
        schema: Value<'a>,
        keywords: &mut Vec<Keyword>,
    ) -> Result<(), Refused> {
        if self.is_old {
            return Ok(());
        }
        if let Some(rest) = schema.get("unevaluatedItems") {
            keywords.push(Keyword::UnevaluatedItems(self.node(rest)?));
        }
        if let Some(rest) = schema.get("unevaluatedProperties") {
            keywords.push(Keyword::UnevaluatedProperties(self.node(rest)?));
        }
        Ok(())
    }

    /// A regular expression; `None`, counted, if there can be none.
    fn pattern(&mut self, text: &str) -> Option<Arc<Pattern>> {
        let pattern = match self.patterns.get(text) {
            Some(pattern) => pattern.clone(),
            None => {
                let room = PATTERNS_BYTES_MAX.saturating_sub(self.pattern_bytes);
                let has_room = room > 0 && self.patterns.len() < PATTERNS_MAX;
                let pattern = if has_room { self.shared.get(text, room) } else { None };
                self.pattern_bytes += pattern.as_ref().map_or(0, |it| it.memory_bytes());
                self.patterns.insert(text.to_owned(), pattern.clone());
                pattern
            }
        };
        if pattern.is_none() {
            self.dropped += 1;
        }
        pattern
    }

    /// A number of things, at most `u32::MAX`; `None`, counted, if it is none.
    fn count(&mut self, schema: Value<'a>, name: &str) -> Option<u32> {
        let value = schema.get(name)?;
        let count = value.as_i64().and_then(|count| u64::try_from(count).ok());
        if count.is_none() {
            self.dropped += 1;
        }
        count.map(|count| u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// The text of an array's strings; `None`, counted, if there is anything else.
    fn names(&mut self, value: Value<'a>) -> Option<Vec<Box<str>>> {
        let names: Option<Vec<_>> =
            value.items().map(|item| item.as_str().map(|name| name.into())).collect();
        let names = names.filter(|_| value.kind() == protocol::ValueKind::Array);
        if names.is_none() {
            self.dropped += 1;
        }
        names
    }
}
