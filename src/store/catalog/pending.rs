//! Lists on their way into the catalogue, and what a writer remembers so that it need not look.
//!
//! Almost every list was seen before. A page that is known costs a look into a table; an item that is
//! known costs the hash of its texts; only what is new or due waits here for the next transaction.

use super::limits::{Counts, LeftOut, PENDING_BYTES_MAX};
use crate::dictionary::Keyed;
use record::{Listed, Listing, Micros};
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;
use std::collections::VecDeque;

/// How long a page counts as known, in microseconds.
const PAGE_KNOWN_US: i64 = 600_000_000;
/// How often it is written down that a primitive was seen, in microseconds.
pub(super) const SEEN_EVERY_US: i64 = 3_600_000_000;
/// The most pages and items a writer remembers of each; at the bound it begins anew.
const KNOWN_MAX: usize = 65_536;

/// What is in the catalogue, as far as this writer knows. Keys are keyed hashes.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Of a page as one group of users sees it.
    pages: FxHashMap<u64, KnownPage>,
    /// Of a page as anybody sees it: the last [`KnownPage::content`].
    last: FxHashMap<u64, u64>,
    items: FxHashMap<u64, KnownItem>,
    /// Servers whose lists differ per user.
    differing: FxHashSet<u64>,
    /// Servers and kinds that have no room for more, until when.
    full: FxHashMap<u64, Micros>,
}

/// A page as it was last looked at.
#[derive(Clone, Copy, Debug)]
struct KnownPage {
    /// Of its bytes.
    print: u64,
    /// Of what it lists, however that was written: one server writes members in another order in
    /// each era of the protocol.
    content: u64,
    at: Micros,
}

/// A primitive as it was last written.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownItem {
    /// Of its texts.
    pub(super) hash: i64,
    /// Until when nothing has to be written while it stays as it is.
    pub(super) fresh_until: Micros,
    /// Until when its changes are not written either.
    pub(super) quiet_until: Micros,
}

impl Memory {
    /// Forgets all: another writer has changed the catalogue.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Forgets what it knows as single users see it.
    pub(super) fn forget_of_differing(&mut self) {
        if !self.differing.is_empty() {
            self.clear();
        }
    }

    pub(super) fn know_item(&mut self, key: u64, item: KnownItem) {
        if self.items.len() >= KNOWN_MAX {
            self.items.clear();
        }
        self.items.insert(key, item);
    }

    pub(super) fn know_full(&mut self, key: u64, until: Micros) {
        if self.full.len() >= KNOWN_MAX {
            self.full.clear();
        }
        self.full.insert(key, until);
    }

    /// Notes whether a server's lists differ; a key of an item depends on it.
    pub(super) fn know_differing(&mut self, server: u64, differs: bool) {
        if self.differing.len() >= KNOWN_MAX {
            self.differing.clear();
        }
        match differs {
            true => self.differing.insert(server),
            false => self.differing.remove(&server),
        };
    }

    /// Whether the page needs no look.
    fn knows_page(&self, keys: &Keys<'_>, listing: &Listing<'_>) -> bool {
        let Some(page) = listing.page else { return false };
        let (of_all, of_group) = keys.page(page, listing.listed_for);
        self.pages.get(&of_group).is_some_and(|known| {
            known.print == listing.fingerprint
                && (listing.at - known.at).abs() < PAGE_KNOWN_US
                && (self.last.get(&of_all) == Some(&known.content)
                    || self.differing.contains(&keys.server))
        })
    }

    /// From now on the page is known.
    fn know_page(&mut self, keys: &Keys<'_>, listing: &Listing<'_>, content: u64) {
        let Some(page) = listing.page else { return };
        let (of_all, of_group) = keys.page(page, listing.listed_for);
        if self.pages.len() >= KNOWN_MAX || self.last.len() >= KNOWN_MAX {
            self.pages.clear();
            self.last.clear();
        }
        let known = KnownPage { print: listing.fingerprint, content, at: listing.at };
        self.pages.insert(of_group, known);
        self.last.insert(of_all, content);
    }
}

/// Makes the keys under which things of one list are remembered.
#[derive(Debug)]
pub(super) struct Keys<'k> {
    keyed: &'k Keyed,
    /// Of the server.
    pub(super) server: u64,
    /// Of the server and the kind.
    pub(super) kind: u64,
}

impl<'k> Keys<'k> {
    pub(super) fn new(keyed: &'k Keyed, server: &str, kind: &str, is_template: bool) -> Self {
        let of_server = keyed.begin().text("server").text(server).finish();
        let mut hashing = keyed.begin();
        hashing.number(of_server.cast_signed()).text(kind).number(is_template.into());
        Self { keyed, server: of_server, kind: hashing.finish() }
    }

    fn page(&self, page: u64, listed_for: u64) -> (u64, u64) {
        let mut hashing = self.keyed.begin();
        hashing.number(self.kind.cast_signed()).number(page.cast_signed());
        let of_all = hashing.finish();
        (of_all, hashing.number(listed_for.cast_signed()).finish())
    }

    /// Of an item: of a server whose lists differ, as one group of users sees it.
    pub(super) fn item(&self, name: &str, group: Option<u64>) -> u64 {
        let mut hashing = self.keyed.begin();
        hashing.number(self.kind.cast_signed()).text(name);
        if let Some(group) = group {
            hashing.number(group.cast_signed());
        }
        hashing.finish()
    }
}

/// The hash of what makes a version. The order of members makes none.
pub(super) fn hash_of(keyed: &Keyed, item: &Listed<'_>) -> i64 {
    let mut hashing = keyed.begin();
    hashing.text(item.title).text(item.description).text(&canonical(item.input_schema));
    hashing.text(&canonical(item.output_schema)).text(&canonical(item.annotations));
    hashing.text(item.mime_type).number(item.is_cut.into()).finish().cast_signed()
}

/// JSON with its members in order and no space between; what cannot be read, as it is.
fn canonical(json: &str) -> Cow<'_, str> {
    match serde_json::from_str::<serde_json::Value>(json) {
        Ok(value) => Cow::Owned(sorted(value).to_string()),
        Err(_) => Cow::Borrowed(json),
    }
}

/// With the members of every object in order: as deep as `serde_json` reads, which has a bound.
fn sorted(mut value: serde_json::Value) -> serde_json::Value {
    value.sort_all_objects();
    value
}

/// An item that waits.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) hash: i64,
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) input_schema: String,
    pub(super) output_schema: String,
    pub(super) annotations: String,
    pub(super) mime_type: String,
    pub(super) is_cut: bool,
}

impl Item {
    fn new(item: &Listed<'_>, hash: i64) -> Self {
        Self {
            hash,
            name: item.name.to_owned(),
            title: item.title.to_owned(),
            description: item.description.to_owned(),
            input_schema: item.input_schema.to_owned(),
            output_schema: item.output_schema.to_owned(),
            annotations: item.annotations.to_owned(),
            mime_type: item.mime_type.to_owned(),
            is_cut: item.is_cut,
        }
    }

    /// What it weighs as a version.
    pub(super) fn bytes(&self) -> usize {
        [&self.title, &self.description, &self.input_schema, &self.output_schema]
            .into_iter()
            .chain([&self.annotations, &self.mime_type, &self.name])
            .map(String::len)
            .sum()
    }
}

/// A list that waits.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) server: String,
    pub(super) at: Micros,
    pub(super) kind: &'static str,
    pub(super) is_template: bool,
    pub(super) listed_for: u64,
    pub(super) page: Option<u64>,
    /// Of what the page lists, in whatever order.
    pub(super) content: u64,
    pub(super) items: VecDeque<Item>,
    /// Whether its row in `lists` is written.
    pub(super) is_noted: bool,
}

/// All lists that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) lists: VecDeque<Pending>,
    bytes: usize,
    /// What was left out since it was last written down.
    pub(super) left_out: Counts,
}

/// What a list weighs besides its items.
const PENDING_LIST_BYTES: usize = 256;

impl Queue {
    /// Takes what is new of a list.
    pub(super) fn take(
        &mut self,
        memory: &mut Memory,
        keyed: &Keyed,
        server: &str,
        listing: &Listing<'_>,
    ) {
        let kind = listing.kind.as_str();
        let keys = Keys::new(keyed, server, kind, listing.is_templates);
        if listing.is_truncated {
            return self.left_out.add(LeftOut::Truncated, 1);
        }
        if memory.knows_page(&keys, listing) {
            return;
        }
        self.left_out.add(LeftOut::Items, listing.left_out.into());
        let mut pending = Pending {
            server: server.to_owned(),
            at: listing.at,
            kind,
            is_template: listing.is_templates,
            listed_for: listing.listed_for,
            page: listing.page,
            content: 0,
            items: VecDeque::new(),
            is_noted: listing.page.is_none(),
        };
        self.bytes += PENDING_LIST_BYTES;
        let mut names = FxHashSet::default();
        // Of several with one name the last counts, as for clients that keep them by name.
        for item in listing.items.iter().rev() {
            let name = keys.item(item.name, None);
            if names.insert(name) {
                let hash = hash_of(keyed, item);
                let mut hashing = keyed.begin();
                let content = hashing.number(name.cast_signed()).number(hash).finish();
                pending.content = pending.content.wrapping_add(content);
                self.take_item(memory, &keys, listing, (item, hash), &mut pending);
            } else {
                self.left_out.add(LeftOut::Duplicates, 1);
            }
        }
        match self.bytes > PENDING_BYTES_MAX {
            // The page is looked at anew when it comes again.
            true => memory.pages.clear(),
            false => memory.know_page(&keys, listing, pending.content),
        }
        if pending.items.is_empty() && (pending.is_noted || self.bytes > PENDING_BYTES_MAX) {
            return self.weigh_less(&pending);
        }
        self.lists.push_back(pending);
    }

    fn take_item(
        &mut self,
        memory: &Memory,
        keys: &Keys<'_>,
        listing: &Listing<'_>,
        (item, hash): (&Listed<'_>, i64),
        pending: &mut Pending,
    ) {
        self.left_out.add(LeftOut::Text, item.is_cut.into());
        let group = memory.differing.contains(&keys.server).then_some(listing.listed_for);
        match memory.items.get(&keys.item(item.name, group)) {
            Some(known) if known.hash == hash && listing.at < known.fresh_until => {}
            Some(known) if known.hash != hash && listing.at < known.quiet_until => {
                self.left_out.add(LeftOut::Changes, 1);
            }
            None if memory.full.get(&keys.kind).is_some_and(|until| listing.at < *until) => {
                self.left_out.add(LeftOut::Primitives, 1);
            }
            _ if self.bytes <= PENDING_BYTES_MAX => {
                let item = Item::new(item, hash);
                self.bytes += item.bytes();
                pending.items.push_front(item);
            }
            _ => self.left_out.add(LeftOut::Pending, 1),
        }
    }

    /// For another catalogue, which knows none of it.
    pub(super) fn begin_anew(&mut self) {
        for pending in &mut self.lists {
            pending.is_noted = pending.page.is_none();
        }
    }

    /// Gives up the first list, which is written.
    pub(super) fn drop_first(&mut self) {
        if let Some(pending) = self.lists.pop_front() {
            self.weigh_less(&pending);
        }
    }

    /// An item was written.
    pub(super) fn forget_item(&mut self, item: &Item) {
        self.bytes = self.bytes.saturating_sub(item.bytes());
    }

    fn weigh_less(&mut self, pending: &Pending) {
        let items: usize = pending.items.iter().map(Item::bytes).sum();
        self.bytes = self.bytes.saturating_sub(items + PENDING_LIST_BYTES);
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }
}
