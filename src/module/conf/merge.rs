//! Inheritance: what a level does not say, the level around it says.

use super::line::log;
use super::location::{Derived, Roles, Said, Tried};
use super::{LocConf, MainConf, Recording, ServerNames, Values};
use exchange::{CaptureLevel, CaptureRules, ParamRule, ProvenPaths, Rules};
use nginx_sys::{
    NGX_LOG_WARN, ngx_conf_t, ngx_http_conf_ctx_t, ngx_http_core_loc_conf_t, ngx_http_core_module,
    ngx_http_core_srv_conf_t,
};
use record::Mask;
use std::rc::Rc;
use std::sync::Arc;

const CAPTURE_BYTES: usize = 16 << 10;
const RESPONSE_BYTES: usize = 1 << 20;
/// Bodies that nginx takes may be larger; what is read of them is not, unless it is said so.
const BODY_BYTES: usize = 16 << 20;

/// Merges `level` with the level around it. An error is the whole sentence.
///
/// # Safety
/// `cf` is the configuration context nginx passed to merge these two levels.
pub(super) unsafe fn merge(
    cf: *mut ngx_conf_t,
    around: &mut LocConf,
    level: &mut LocConf,
) -> Result<(), String> {
    // SAFETY: by the caller's promise.
    let main = unsafe { MainConf::from_cf(cf) }.ok_or("no main configuration")?;
    let doubts = level.said.inherit(&around.said)?;
    for doubt in &doubts {
        // SAFETY: as above.
        unsafe { log(cf, NGX_LOG_WARN, doubt) };
    }
    level.names = match &around.names {
        Some(names) => Some(Rc::clone(names)),
        // SAFETY: as above; the level around a server has no names.
        None => unsafe { server_names(cf) },
    };
    if level.mask.is_none() && level.said.masks.len() == around.said.masks.len() {
        level.mask = Some(around.mask());
    }
    // Values are masked before they are shown, whether or not the location records.
    level.mask();
    level.values = level.said.values();
    level.jwt = level.said.tokens.conf();
    check_hashes(&level.said, main)?;
    let shows = match (&level.said.status, &level.said.console) {
        (Some(_), _) => Some("\"mcp_status\" shows the counters of a store"),
        (_, Some(_)) => Some("\"mcp_console\" shows a store"),
        _ => None,
    };
    if let (Some(shows), None) = (shows, &main.store) {
        return Err(format!("{shows}: write \"mcp_sessions_store path;\" in the http block"));
    }
    // What the module answers itself is nothing to record, its event streams least of all.
    if shows.is_some() {
        return Ok(());
    }
    let records = level.said.is_on == Some(true);
    if let Some((mut controls, judged_by)) = level.said.controls.in_force(records) {
        // SAFETY: as above.
        let recording = unsafe { Recording::of(cf, level) };
        controls.location = match (&recording, &around.controls) {
            // A block inside of a location, as `if`, is the location.
            (None, Some(around)) => around.location,
            _ => {
                main.locations += 1;
                main.locations
            }
        };
        if let Some(recording) = recording {
            main.places.push((controls.location, recording));
        }
        main.uses_tools |= level.said.controls.tool_schema().is_some();
        level.controls = Some(Arc::new(controls));
        level.judged_by = judged_by;
        level.jwt.hides_unverified = !level.said.controls.controls.is_empty();
    }
    if !records && level.controls.is_none() {
        return Ok(());
    }
    if records && main.store.is_none() {
        return Err(format!(
            "\"mcp_sessions on\" in {} needs a store: write \"mcp_sessions_store path;\" in the \
             http block",
            level.said.on_place
        ));
    }
    main.is_used = true;
    main.may_block |= level.controls.as_ref().is_some_and(|controls| controls.may_block());
    if let Some(place) = level.said.tokens.unenforced() {
        let said = format!(
            "\"mcp_jwt_require\" in {place} requires nothing where no keys verify tokens: write \
             \"mcp_jwt_key_file file;\" there"
        );
        // SAFETY: as above.
        unsafe { log(cf, NGX_LOG_WARN, &said) };
    }
    // SAFETY: as above.
    let body_bytes_max = level.said.body_bytes_max.unwrap_or_else(|| unsafe { body_bytes(cf) });
    let mask = level.mask();
    let mut rules = level.said.rules(main, mask, body_bytes_max);
    rules.records = records;
    rules.controls.clone_from(&level.controls);
    level.rules = Some(Arc::new(rules));
    if records {
        // SAFETY: as above.
        main.recordings.extend(unsafe { Recording::of(cf, level) });
    }
    Ok(())
}

impl LocConf {
    /// The mask of this level, made once.
    fn mask(&mut self) -> Arc<Mask> {
        let masks = &self.said.masks;
        let mask = self.mask.get_or_insert_with(|| Arc::new(Mask::built_in().extended(masks)));
        Arc::clone(mask)
    }
}

impl Said {
    /// Gives what is probably not meant.
    fn inherit(&mut self, around: &Self) -> Result<Vec<String>, String> {
        if self.is_on.is_none() {
            self.is_on = around.is_on;
            self.on_place = around.on_place.clone();
        }
        fill(&mut self.server_name, &around.server_name);
        fill(&mut self.session_id, &around.session_id);
        fill(&mut self.derive, &around.derive);
        fill(&mut self.user, &around.user);
        fill(&mut self.role, &around.role);
        fill(&mut self.params, &around.params);
        fill(&mut self.arguments, &around.arguments);
        fill(&mut self.results, &around.results);
        fill(&mut self.limit_bytes, &around.limit_bytes);
        fill(&mut self.skip, &around.skip);
        self.tokens.inherit(&around.tokens);
        self.controls.inherit(&around.controls)?;
        fill(&mut self.body_bytes_max, &around.body_bytes_max);
        fill(&mut self.response_bytes_max, &around.response_bytes_max);
        for set in &around.sets {
            if self.sets.iter().all(|own| own.id != set.id) {
                self.sets.push(set.clone());
            }
        }
        super::written::inherit(&mut self.lines, &around.lines);
        self.masks.splice(0..0, around.masks.iter().cloned());
        Ok(self.controls.doubts(&around.controls))
    }

    fn values(&self) -> Values {
        let tried = |tried: &Option<Tried>| {
            tried.as_ref().map(|tried| tried.values.clone()).unwrap_or_default()
        };
        let params = self.params.iter().flatten().map(|param| param.value.clone());
        Values {
            session_id: tried(&self.session_id),
            derive: self.derive.as_ref().map(|it| it.values.clone()).unwrap_or_default(),
            user: tried(&self.user),
            role: self.role.as_ref().map(|it| it.values.clone()).unwrap_or_default(),
            params: params.collect(),
        }
    }

    fn rules(&self, main: &MainConf, mask: Arc<Mask>, body_bytes_max: usize) -> Rules {
        let Derived { rule: derive, idle_us, .. } = self.derive.clone().unwrap_or_default();
        let Roles { separator, .. } = self.role.clone().unwrap_or_default();
        let param = |param: &super::location::Param| ParamRule {
            name: param.name.clone(),
            is_hashed: param.is_hashed,
        };
        Rules {
            server_name: self.server_name.clone(),
            session_hashed: self.session_id.as_ref().is_some_and(|it| it.is_hashed),
            derive,
            idle_us,
            user_hashed: self.user.as_ref().is_some_and(|it| it.is_hashed),
            role_separator: separator,
            params: self.params.iter().flatten().map(param).collect(),
            capture: CaptureRules {
                arguments: self.arguments.unwrap_or(CaptureLevel::Masked),
                results: self.results.unwrap_or(CaptureLevel::Shape),
                limit_bytes: self.limit_bytes.unwrap_or(CAPTURE_BYTES),
            },
            skip: self.skip.clone().unwrap_or_default(),
            mask,
            hash_key: main.hash_key.clone(),
            body_bytes_max,
            response_bytes_max: self.response_bytes_max.unwrap_or(RESPONSE_BYTES),
            proven: ProvenPaths::default(),
            records: true,
            controls: None,
        }
    }
}

pub(super) fn fill<T: Clone>(slot: &mut Option<T>, around: &Option<T>) {
    if slot.is_none() {
        slot.clone_from(around);
    }
}

/// A hash without a key could be undone by trying values out.
fn check_hashes(said: &Said, main: &MainConf) -> Result<(), String> {
    if main.hash_key.is_some() {
        return Ok(());
    }
    let session = said.session_id.iter().map(|it| ("mcp_session_id", it.is_hashed, &it.place));
    let user = said.user.iter().map(|it| ("mcp_user", it.is_hashed, &it.place));
    let params = said.params.iter().flatten().map(|it| ("mcp_param", it.is_hashed, &it.place));
    match session.chain(user).chain(params).find(|(_, is_hashed, _)| *is_hashed) {
        None => Ok(()),
        Some((name, _, place)) => Err(format!(
            "\"{name}\" in {place} stores hashes and needs their key: write \"mcp_hash_key_file \
             file;\" in the http block"
        )),
    }
}

/// The names of the server block being merged.
unsafe fn server_names(cf: *mut ngx_conf_t) -> Option<Rc<ServerNames>> {
    // SAFETY: while nginx merges a server, the context holds its own configuration.
    unsafe {
        let ctx = (*cf).ctx.cast::<ngx_http_conf_ctx_t>();
        let server = (*(*ctx).srv_conf.add(ngx_http_core_module.ctx_index))
            .cast::<ngx_http_core_srv_conf_t>();
        server.as_ref().map(|server| Rc::new(ServerNames::of(server)))
    }
}

/// What `client_max_body_size` lets through, up to [`BODY_BYTES`]; 0 there is no limit.
unsafe fn body_bytes(cf: *mut ngx_conf_t) -> usize {
    // SAFETY: while nginx merges a level, the context holds its configuration, and the core module
    // has merged its own already, since it comes first.
    let limit = unsafe {
        let ctx = (*cf).ctx.cast::<ngx_http_conf_ctx_t>();
        let core = (*(*ctx).loc_conf.add(ngx_http_core_module.ctx_index))
            .cast::<ngx_http_core_loc_conf_t>();
        (*core).client_max_body_size
    };
    usize::try_from(limit)
        .ok()
        .filter(|limit| *limit > 0)
        .map_or(BODY_BYTES, |it| it.min(BODY_BYTES))
}
