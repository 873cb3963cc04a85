//! What list answers say that an MCP server offers.
//!
//! Learned is what a server answers with 2xx to the client that asked, whole; also where `mcp_skip`
//! leaves the call itself out. An answer that comes by another connection than its call (HTTP+SSE, a
//! stream that was resumed) is taken for a list by its form: it is the server's word on the client's
//! own stream, and the word of a server is all that a catalogue holds.

use crate::Rules;
use crate::arena::{Arena, Text, capped};
use crate::draft::Work;
use crate::limits::{
    LISTED_DESCRIPTION_BYTES_MAX, LISTED_MAX, LISTED_MIME_BYTES_MAX, LISTED_SCHEMA_BYTES_MAX,
    LISTED_TITLE_BYTES_MAX, PRIMITIVE_BYTES_MAX,
};
use crate::request::hash;
use protocol::{PrimitiveKind, Value, ValueKind};
use record::{Coverage, Exchange, HashKey, Listed, Listing, Micros, Outcome, Sink};

/// A kind of list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Tools,
    Resources,
    Templates,
    Prompts,
}

impl List {
    const ALL: [Self; 4] = [Self::Tools, Self::Resources, Self::Templates, Self::Prompts];

    fn method(self) -> &'static str {
        match self {
            Self::Tools => "tools/list",
            Self::Resources => "resources/list",
            Self::Templates => "resources/templates/list",
            Self::Prompts => "prompts/list",
        }
    }

    /// The member of the result that holds the items.
    fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }

    /// The member of an item by which it is known.
    fn name(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources => "uri",
            Self::Templates => "uriTemplate",
        }
    }

    fn kind(self) -> PrimitiveKind {
        match self {
            Self::Tools => PrimitiveKind::Tool,
            Self::Resources | Self::Templates => PrimitiveKind::Resource,
            Self::Prompts => PrimitiveKind::Prompt,
        }
    }
}

/// Which list, and which page of it, is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    list: List,
    /// 0 for the first page, else a hash of the cursor; `None` where the request is not known.
    page: Option<u64>,
}

impl Asked {
    /// By a request.
    pub(crate) fn of(method: &str, params: Option<Value<'_>>) -> Option<Self> {
        let list = List::ALL.into_iter().find(|list| list.method() == method)?;
        let cursor = params.and_then(|params| params.get("cursor"));
        let page = cursor.filter(|it| !it.is_null()).map_or(0, |cursor| hash(cursor.raw()));
        Some(Asked { list, page: Some(page) })
    }

    /// By the form of an answer whose request is not known: a result with a list of items that all
    /// have what items of such a list must have, and nothing of another answer's.
    pub(crate) fn by_form(result: Value<'_>) -> Option<Self> {
        if result.get("content").is_some() || result.get("contents").is_some() {
            return None;
        }
        let list = List::ALL.into_iter().find(|list| {
            let array = result.get(list.member());
            array.is_some_and(|array| {
                let mut items = array.items();
                items.clone().next().is_some() && items.all(|item| list.fits(item))
            })
        })?;
        Some(Asked { list, page: None })
    }
}

impl List {
    fn fits(self, item: Value<'_>) -> bool {
        let has = |name, kind| item.get(name).is_some_and(|value| value.kind() == kind);
        let has_schema = self != Self::Tools || has("inputSchema", ValueKind::Object);
        has_schema && has(self.name(), ValueKind::String)
    }
}

/// An answer to a list request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListingDraft {
    asked: Asked,
    fingerprint: u64,
    /// Its items among [`Work::items`].
    first: usize,
    count: usize,
    left_out: u32,
}

/// What is listed, as [`Listed`] has it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ItemDraft {
    name: Text,
    title: Text,
    description: Text,
    input_schema: Text,
    output_schema: Text,
    annotations: Text,
    mime_type: Text,
    is_cut: bool,
}

/// Reads a list into `work`.
pub(crate) fn read(result: Value<'_>, asked: Asked, work: &mut Work, rules: &Rules, key: &HashKey) {
    let Some(array) = result.get(asked.list.member()) else { return };
    if array.kind() != ValueKind::Array || !array.is_complete() {
        return;
    }
    let fingerprint = key.fingerprint(&[b"list", asked.list.member().as_bytes(), array.raw()]);
    let first = work.items.len();
    let mut left_out = u32::from(array.is_shortened());
    for value in array.items() {
        let has_room = work.items.len() < LISTED_MAX;
        match item(value, asked.list, &mut work.arena, rules).filter(|_| has_room) {
            Some(item) => work.items.push(item),
            None => left_out = left_out.saturating_add(1),
        }
    }
    let count = work.items.len() - first;
    work.listings.push(ListingDraft { asked, fingerprint, first, count, left_out });
}

/// Reads an item; `None` where it has no name by which it could be known.
fn item(value: Value<'_>, list: List, arena: &mut Arena, rules: &Rules) -> Option<ItemDraft> {
    if value.is_shortened() {
        return None;
    }
    let name = value.get(list.name())?.as_str()?;
    if name.is_empty() || name.len() > PRIMITIVE_BYTES_MAX {
        return None;
    }
    // Calls go by the masked URI or prompt. Tools are known to controls by their very name.
    let name = match list {
        List::Tools => arena.push(&name),
        List::Prompts => arena.push(&rules.mask.text(&name)),
        List::Resources | List::Templates => arena.push(&rules.mask.uri(&name)),
    };
    let mut draft = ItemDraft { name, ..ItemDraft::default() };
    let mut resource_name = None;
    // Of members that are there twice the last counts, as for `Value::get`.
    for (key, value) in value.members() {
        match &*key.as_str() {
            "title" => {
                draft.title = text(value, LISTED_TITLE_BYTES_MAX, arena, &mut draft.is_cut);
            }
            "name" if list.kind() == PrimitiveKind::Resource => resource_name = Some(value),
            "description" => {
                let bytes_max = LISTED_DESCRIPTION_BYTES_MAX;
                draft.description = text(value, bytes_max, arena, &mut draft.is_cut);
            }
            "mimeType" => {
                draft.mime_type = text(value, LISTED_MIME_BYTES_MAX, arena, &mut draft.is_cut);
            }
            "inputSchema" if list == List::Tools => {
                draft.input_schema = json(value, LISTED_SCHEMA_BYTES_MAX, arena, &mut draft.is_cut);
            }
            "arguments" if list == List::Prompts => {
                draft.input_schema = json(value, LISTED_SCHEMA_BYTES_MAX, arena, &mut draft.is_cut);
            }
            "outputSchema" if list == List::Tools => {
                let bytes_max = LISTED_SCHEMA_BYTES_MAX;
                draft.output_schema = json(value, bytes_max, arena, &mut draft.is_cut);
            }
            "annotations" => {
                let bytes_max = LISTED_DESCRIPTION_BYTES_MAX;
                draft.annotations = json(value, bytes_max, arena, &mut draft.is_cut);
            }
            _ => {}
        }
    }
    if let Some(value) = resource_name.filter(|_| draft.title.is_empty()) {
        draft.title = text(value, LISTED_TITLE_BYTES_MAX, arena, &mut draft.is_cut);
    }
    Some(draft)
}

/// A text, cut to its limit.
fn text(value: Value<'_>, bytes_max: usize, arena: &mut Arena, is_cut: &mut bool) -> Text {
    let Some(text) = value.as_str() else { return Text::default() };
    *is_cut |= text.len() > bytes_max;
    arena.push(capped(&text, bytes_max))
}

/// A JSON value as it stands: whole, or not at all.
fn json(value: Value<'_>, bytes_max: usize, arena: &mut Arena, is_cut: &mut bool) -> Text {
    if value.is_null() {
        return Text::default();
    }
    if value.raw().len() > bytes_max {
        *is_cut = true;
        return Text::default();
    }
    arena.push(&crate::arena::lossy(value.raw()))
}

/// Tells the sink what was listed.
pub(crate) fn emit(sink: &mut dyn Sink, exchange: &Exchange<'_>, work: &Work, at: Micros) {
    let listed_for = match exchange.identity.user {
        "" => exchange.identity.credential,
        user => hash(user.as_bytes()),
    };
    for draft in &work.listings {
        let drafts = work.items.get(draft.first..draft.first + draft.count).unwrap_or_default();
        let items: Vec<Listed<'_>> = drafts.iter().map(|item| item.listed(&work.arena)).collect();
        let listing = Listing {
            items: &items,
            page: draft.asked.page,
            fingerprint: draft.fingerprint,
            left_out: draft.left_out,
            ..empty(draft.asked.list, at, listed_for)
        };
        sink.listed(exchange, &listing);
    }
    // A list that was cut says only that the catalogue lacks something.
    for call in work.calls.iter().filter(|_| work.marks.is_taken) {
        let is_cut = work.answer(call).is_some_and(|answer| {
            answer.coverage == Coverage::Truncated
                && matches!(answer.outcome, Outcome::Ok | Outcome::Unobserved)
        });
        if let Some(asked) = call.lists.filter(|_| is_cut) {
            let cut = empty(asked.list, at, listed_for);
            sink.listed(exchange, &Listing { is_truncated: true, page: asked.page, ..cut });
        }
    }
}

fn empty(list: List, at: Micros, listed_for: u64) -> Listing<'static> {
    Listing {
        at,
        kind: list.kind(),
        is_templates: list == List::Templates,
        listed_for,
        page: None,
        fingerprint: 0,
        items: &[],
        left_out: 0,
        is_truncated: false,
    }
}

impl ItemDraft {
    fn listed<'a>(&self, arena: &'a Arena) -> Listed<'a> {
        Listed {
            name: arena.get(self.name),
            title: arena.get(self.title),
            description: arena.get(self.description),
            input_schema: arena.get(self.input_schema),
            output_schema: arena.get(self.output_schema),
            annotations: arena.get(self.annotations),
            mime_type: arena.get(self.mime_type),
            is_cut: self.is_cut,
        }
    }
}
