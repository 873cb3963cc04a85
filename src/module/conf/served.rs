//! Locations with controls: which MCP servers they serve, and what is in force there.

use super::written::found;
use super::{MainConf, Recording};
use exchange::{Controls, Who};
use record::{AttackKind, Mode};
use std::collections::HashMap;
use std::sync::Arc;

/// Controls that the console is told of.
const SHOWN_MAX: usize = 2_000;
/// MCP servers that are named for each.
const SERVERS_MAX: usize = 100;

/// A location with controls.
pub(crate) struct Served {
    pub(super) recording: Recording,
    pub(super) controls: Arc<Controls>,
}

/// A control, for the console.
pub(crate) struct Shown {
    pub(crate) kind: AttackKind,
    pub(crate) title: String,
    pub(crate) place: String,
    pub(crate) text: String,
    /// The strictest that it has anywhere.
    pub(crate) mode: Mode,
    /// The MCP servers it is in force for, as far as the configuration tells.
    pub(crate) servers: Vec<String>,
}

impl Served {
    /// The MCP server that the location is, as far as the configuration tells.
    fn server(&self) -> String {
        let Recording { server_name, names, location, .. } = &self.recording;
        let host = || names.as_ref().map(|names| names.first()).unwrap_or_default();
        server_name.clone().unwrap_or_else(|| host() + location.trim_end_matches('/'))
    }

    /// Who judges here.
    fn judges(&self) -> impl Iterator<Item = Who> {
        let controls = &self.controls;
        let protocol = (controls.protocol_check != Mode::Off).then_some(Who::Protocol);
        let external = controls.external_place.as_ref().map(|_| Who::External);
        let count = u16::try_from(controls.controls.len()).unwrap_or(u16::MAX);
        protocol.into_iter().chain(external).chain((0..count).map(Who::Control))
    }
}

impl MainConf {
    /// By number of location: those of some MCP servers that are served there.
    pub(crate) fn servers_by_location(&self, servers: Vec<String>) -> Vec<Vec<String>> {
        let mut by_location = vec![Vec::new(); self.locations + 1];
        let recordings = || self.places.iter().map(|place| &place.recording);
        for server in servers {
            for recording in found(recordings(), &server) {
                let place =
                    self.places.iter().find(|it| std::ptr::eq(&raw const it.recording, recording));
                let number = place.map(|place| place.controls.location);
                if let Some(here) = number.and_then(|number| by_location.get_mut(number)) {
                    here.push(server.clone());
                }
            }
        }
        by_location
    }

    /// The controls in force anywhere, each once.
    pub(crate) fn controls_in_force(&self) -> Vec<Shown> {
        let mut shown: Vec<Shown> = Vec::new();
        let mut known: HashMap<(AttackKind, String, String), usize> = HashMap::new();
        // A server block's own level is no location; what it says is in force in those inside.
        for served in self.places.iter().filter(|it| !it.recording.location.is_empty()) {
            let server = served.server();
            for who in served.judges() {
                let control = served.controls.reference(who);
                if control.mode == Mode::Off {
                    continue;
                }
                let key = (control.kind, control.title.to_owned(), control.place.to_owned());
                let at = *known.entry(key).or_insert(shown.len());
                if at == shown.len() {
                    if shown.len() == SHOWN_MAX {
                        return shown;
                    }
                    shown.push(Shown {
                        kind: control.kind,
                        title: control.title.to_owned(),
                        place: control.place.to_owned(),
                        text: control.text.to_owned(),
                        mode: control.mode,
                        servers: Vec::new(),
                    });
                }
                if let Some(shown) = shown.get_mut(at) {
                    shown.mode = shown.mode.max(control.mode);
                    if shown.servers.len() < SERVERS_MAX && shown.servers.last() != Some(&server) {
                        shown.servers.push(server.clone());
                    }
                }
            }
        }
        shown
    }
}
