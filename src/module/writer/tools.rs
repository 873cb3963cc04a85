//! The tools that controls judge by: read from the catalogue when it has changed, made ready for the
//! event loop, and freed here when the event loop has done with them.

use super::Writer;
use crate::clock::wall_us;
use crate::handover::Built;
use control::catalogue::Catalogue;
use std::time::{Duration, Instant};

/// How often the catalogue is looked at though nobody said that it changed.
const LOOK: Duration = Duration::from_secs(5);
/// The pause after it could not be read.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

impl Writer {
    /// Reads the tools anew, if there is a reason to.
    pub(super) fn tend_tools(&mut self) {
        if !self.given.uses_tools {
            return;
        }
        while let Some(snapshot) = self.given.link.ready.pop() {
            if let Some(interpreter) = &mut self.interpreter {
                interpreter.set_tools(Some(snapshot.clone()));
            }
            self.snapshot = Some(snapshot);
        }
        while self.given.link.old.pop().is_some() {}
        let now = Instant::now();
        let announced = self.given.shared.catalog();
        if self.tools_announced == Some(announced) && now < self.tools_at {
            return;
        }
        let path = self.given.settings.path.clone();
        match store::stored_tools(&path, self.tools_known, wall_us()) {
            Ok(stored) => {
                self.tools_announced = Some(announced);
                self.tools_at = now + LOOK;
                if let Some(stored) = stored {
                    self.build_tools(&stored);
                } else if self.tools_known.is_none() && self.snapshot.is_none() {
                    // Nothing was ever listed: that is known, too.
                    let _ = self.given.link.built.force_push(Built::default());
                }
            }
            Err(error) => {
                self.tools_announced = Some(announced);
                self.tools_at = now + LOOK_AGAIN;
                self.say(&error.message);
            }
        }
        self.given.link.looked();
    }

    fn build_tools(&mut self, stored: &store::StoredTools) {
        let mut builder = match &self.snapshot {
            Some(before) => before.catalogue.next(),
            None => Catalogue::builder(),
        };
        let mut servers: Vec<String> = Vec::new();
        for tool in &stored.tools {
            // They come sorted by server.
            if servers.last() != Some(&tool.server) {
                servers.push(tool.server.clone());
            }
            let replaced: Vec<(&str, record::Micros)> =
                tool.replaced.iter().map(|(schema, at)| (schema.as_str(), *at)).collect();
            builder.tool(&tool.server, &tool.name, &tool.input_schema, &replaced);
        }
        let catalogue = builder.build();
        self.tools_known = Some(stored.generation);
        let _ = self.given.link.built.force_push(Built { catalogue, servers });
    }
}
