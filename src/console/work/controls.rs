//! Controls: what the days know of them, and which are in force.

use super::one::whole;
use super::{Next, Piece, Work};
use record::{AttackKind, Mode};
use serde::Serialize;
use std::collections::HashSet;
use store::query::{Control, Limits, List, QueryError, Reader, Scope, Warning, control_kind};

/// A control of the configuration in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredControl {
    /// The type of its attacks, which tells its kind.
    pub kind: AttackKind,
    /// Its title; empty for the protocol check and for `mcp_attack`.
    pub title: String,
    /// `nginx.conf:17`
    pub place: String,
    /// How strict it is.
    pub mode: Mode,
    /// Its text as it stands there.
    pub text: String,
    /// Names of MCP servers that it is in force for, as far as the configuration tells. A console
    /// that is confined to other servers does not show it.
    pub servers: Vec<String>,
}

#[derive(Serialize)]
struct Item {
    #[serde(flatten)]
    control: Control,
    in_force: bool,
}

#[derive(Serialize)]
struct Items {
    items: Vec<Item>,
    next: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

impl Work {
    /// In two steps: between them, who has read nginx.conf is asked for the controls.
    pub(super) fn controls(
        &mut self,
        reader: &mut Reader,
        limits: &Limits<'_>,
    ) -> Result<Piece, QueryError> {
        let Some(List { items, next, warnings }) = self.progress.controls.take() else {
            self.progress.controls = Some(reader.controls(&self.parameters.filter, limits)?);
            return Ok(Piece { head: None, bytes: Vec::new(), next: Next::Step });
        };
        let configured = std::mem::take(&mut self.configured);
        whole(&Items { items: merged(items, configured, &self.scope), next, warnings })
    }
}

/// Controls in force first, as nginx.conf has them; then those that only the days know.
fn merged(mut known: Vec<Control>, configured: Vec<ConfiguredControl>, scope: &Scope) -> Vec<Item> {
    let (mut items, mut seen) = (Vec::new(), HashSet::new());
    for it in configured {
        let place = known.iter().position(|control| {
            control.kind_of_attack == it.kind.as_str() && control.title == it.title
        });
        let is_shown =
            place.is_some() || scope.is_all() || it.servers.iter().any(|name| scope.has(name));
        // The protocol check stands at many places; the first stands for all.
        if !is_shown || !seen.insert((it.kind, it.title.clone())) {
            continue;
        }
        let control = match place {
            Some(place) => known.remove(place),
            None => unused(&it),
        };
        let mode = it.mode.as_str().to_owned();
        let control = Control { place: it.place, mode, text: it.text, ..control };
        items.push(Item { control, in_force: true });
    }
    items.extend(known.into_iter().map(|control| Item { control, in_force: false }));
    items
}

/// A control that has judged nothing yet.
fn unused(control: &ConfiguredControl) -> Control {
    Control {
        title: control.title.clone(),
        kind: control_kind(control.kind),
        kind_of_attack: control.kind.as_str().to_owned(),
        place: String::new(),
        mode: String::new(),
        text: String::new(),
        judged: 0,
        allowed: 0,
        denied: 0,
        blocked: 0,
        unjudged: 0,
        unjudged_blocked: 0,
        last_attack: None,
        days: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{ConfiguredControl, merged, unused};
    use record::{AttackKind, Mode};
    use store::query::{Control, Scope};

    fn configured(title: &str, servers: &[&str]) -> ConfiguredControl {
        ConfiguredControl {
            kind: AttackKind::AclViolation,
            title: title.to_owned(),
            place: "nginx.conf:40".to_owned(),
            mode: Mode::Block,
            text: "deny all;".to_owned(),
            servers: servers.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn known(title: &str) -> Control {
        let control = unused(&configured(title, &[]));
        let text = "allow all;".to_owned();
        Control { judged: 7, place: "nginx.conf:17".to_owned(), text, ..control }
    }

    #[test]
    fn a_control_in_force_is_shown_as_it_is_now() {
        let items = merged(
            vec![known("gone"), known("kept")],
            vec![configured("new", &[]), configured("kept", &[]), configured("kept", &[])],
            &Scope::all(),
        );
        let shown: Vec<_> = items
            .iter()
            .map(|it| {
                let control = &it.control;
                let words = (control.title.as_str(), control.place.as_str(), control.text.as_str());
                (words, control.judged, it.in_force)
            })
            .collect();
        assert_eq!(
            shown,
            [
                (("new", "nginx.conf:40", "deny all;"), 0, true),
                (("kept", "nginx.conf:40", "deny all;"), 7, true),
                (("gone", "nginx.conf:17", "allow all;"), 7, false),
            ]
        );
    }

    #[test]
    fn a_confined_console_shows_controls_of_its_servers() {
        let scope = Scope::servers(vec!["crm.*".to_owned()]);
        let items = merged(
            vec![known("seen there")],
            vec![
                configured("theirs", &["files.test/mcp"]),
                configured("ours", &["files.test/mcp", "crm.test/mcp"]),
                configured("nobody's", &[]),
                configured("seen there", &[]),
            ],
            &scope,
        );
        let titles: Vec<&str> = items.iter().map(|it| it.control.title.as_str()).collect();
        assert_eq!(titles, ["ours", "seen there"]);
    }
}
