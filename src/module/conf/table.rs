//! The directives, in one table: nginx's commands are made from it, and docs/directives.md is
//! checked against it.

use super::line::{Line, Wrong};
use super::{LocConf, MainConf, NGX_CONF_ERROR, console, controls, identity, location, set, store};
use crate::guard::guard;
use nginx_sys::{
    NGX_CONF_1MORE, NGX_CONF_ANY, NGX_CONF_BLOCK, NGX_CONF_NOARGS, NGX_CONF_TAKE1, NGX_CONF_TAKE3,
    NGX_CONF_TAKE4, NGX_CONF_TAKE12, NGX_CONF_TAKE123, NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET,
    NGX_HTTP_MAIN_CONF, NGX_HTTP_MAIN_CONF_OFFSET, NGX_HTTP_SRV_CONF, ngx_command_t, ngx_conf_t,
    ngx_str_t, ngx_uint_t,
};
use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;

/// A directive. Not all of it is read by the program: docs/directives.md is held against it.
#[expect(dead_code)]
pub(crate) struct Directive {
    /// Its name.
    pub(crate) name: &'static CStr,
    /// What follows the name.
    pub(crate) syntax: &'static str,
    /// What holds where it is not written; empty for none.
    pub(crate) default: &'static str,
    /// Where it may stand.
    pub(crate) context: &'static str,
    /// How many parameters: nginx's bits.
    args: u32,
    /// What it is for.
    pub(crate) what: &'static str,
    set: Set,
}

/// Who takes it.
enum Set {
    Main(fn(&Line<'_>, &mut MainConf) -> Result<(), Wrong>),
    Level(fn(&Line<'_>, &mut location::Said) -> Result<(), Wrong>),
}

/// All directives of the module.
pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive {
        name: c"mcp_sessions",
        syntax: "on | off",
        default: "off",
        context: "http, server, location",
        args: NGX_CONF_TAKE1,
        what: "Recognises and records MCP traffic.",
        set: Set::Level(location::sessions),
    },
    Directive {
        name: c"mcp_sessions_store",
        syntax: "path [zone=name:size] [retention=time] [max_size=size] [min_free=size] [flush=time] [queue=size] [sync=normal|full]",
        default: "",
        context: "http",
        args: NGX_CONF_1MORE,
        what: "Says where records are kept, for how long, and within which bounds.",
        set: Set::Main(store::store),
    },
    Directive {
        name: c"mcp_server_name",
        syntax: "text",
        default: "",
        context: "server, location",
        args: NGX_CONF_TAKE1,
        what: "Names the MCP server.",
        set: Set::Level(location::server_name),
    },
    Directive {
        name: c"mcp_session_id",
        syntax: "[value ...] [stored=clear|hashed] | off",
        default: "off",
        context: "http, server, location",
        args: NGX_CONF_1MORE,
        what: "Says where session ids are looked for before the built-in places.",
        set: Set::Level(location::session_id),
    },
    Directive {
        name: c"mcp_session_derive",
        syntax: "[value ...] [idle=time] | off",
        default: "idle=30m",
        context: "http, server, location",
        args: NGX_CONF_1MORE,
        what: "Says what groups calls that carry no session id.",
        set: Set::Level(location::session_derive),
    },
    Directive {
        name: c"mcp_user",
        syntax: "value ... [hashed] | off",
        default: "off",
        context: "http, server, location",
        args: NGX_CONF_1MORE,
        what: "Says who acts.",
        set: Set::Level(location::user),
    },
    Directive {
        name: c"mcp_role",
        syntax: "value ... [separator=text] | off",
        default: "off",
        context: "http, server, location",
        args: NGX_CONF_1MORE,
        what: "Says in which roles the user acts.",
        set: Set::Level(location::role),
    },
    Directive {
        name: c"mcp_param",
        syntax: "name value [hashed] | off",
        default: "off",
        context: "http, server, location",
        args: NGX_CONF_TAKE123,
        what: "Records one more context parameter.",
        set: Set::Level(location::param),
    },
    Directive {
        name: c"mcp_set",
        syntax: "$variable jwt|request|response json-pointer [from=value]",
        default: "",
        context: "http, server, location",
        args: NGX_CONF_TAKE3 | NGX_CONF_TAKE4,
        what: "Makes a variable of a claim, or of a value in the request or its answer.",
        set: Set::Level(set::set),
    },
    Directive {
        name: c"mcp_jwt_key_file",
        syntax: "file | off",
        default: "off",
        context: "http, server, location",
        args: NGX_CONF_TAKE1,
        what: "Gives the keys that verify JSON Web Tokens.",
        set: Set::Level(identity::key_file),
    },
    Directive {
        name: c"mcp_jwt_require",
        syntax: "[iss=text] [aud=text]",
        default: "",
        context: "http, server, location",
        args: NGX_CONF_TAKE12,
        what: "Says which issuer and audience tokens must name.",
        set: Set::Level(identity::require),
    },
    Directive {
        name: c"mcp_jwt_leeway",
        syntax: "time",
        default: "60s",
        context: "http, server, location",
        args: NGX_CONF_TAKE1,
        what: "Says how far clocks may differ.",
        set: Set::Level(identity::leeway),
    },
    Directive {
        name: c"mcp_jwt_unverified",
        syntax: "allow | deny",
        default: "deny",
        context: "http, server, location",
        args: NGX_CONF_TAKE1,
        what: "Says that something in front has verified the tokens.",
        set: Set::Level(identity::unverified),
    },
    Directive {
        name: c"mcp_hash_key_file",
        syntax: "file",
        default: "",
        context: "http",
        args: NGX_CONF_TAKE1,
        what: "Gives the key of stored hashes.",
        set: Set::Main(store::hash_key_file),
    },
    Directive {
        name: c"mcp_capture",
        syntax: "[arguments=masked|shape|off|unmasked] [results=masked|shape|off|unmasked] [limit=size] [evidence=masked|off] [evidence_limit=size]",
        default: "arguments=masked results=shape limit=16k evidence=masked evidence_limit=64k",
        context: "http, server, location",
        args: NGX_CONF_1MORE,
        what: "Says how much of arguments, results and attacks is stored.",
        set: Set::Level(location::capture),
    },
    Directive {
        name: c"mcp_skip",
        syntax: "method ... | off",
        default: "off",
        context: "http, server, location",
        args: NGX_CONF_1MORE,
        what: "Leaves methods unrecorded.",
        set: Set::Level(location::skip),
    },
    Directive {
        name: c"mcp_mask",
        syntax: "name ...",
        default: "",
        context: "http, server, location",
        args: NGX_CONF_1MORE,
        what: "Adds keys whose values are masked.",
        set: Set::Level(location::mask),
    },
    Directive {
        name: c"mcp_body_limit",
        syntax: "size",
        default: "",
        context: "http, server, location",
        args: NGX_CONF_TAKE1,
        what: "Bounds how much of a request is read.",
        set: Set::Level(location::body_limit),
    },
    Directive {
        name: c"mcp_response_limit",
        syntax: "size",
        default: "1m",
        context: "http, server, location",
        args: NGX_CONF_TAKE1,
        what: "Bounds how much of an answer, or of one event of a stream, is read.",
        set: Set::Level(location::response_limit),
    },
    Directive {
        name: c"mcp_memory_limit",
        syntax: "size",
        default: "256m",
        context: "http",
        args: NGX_CONF_TAKE1,
        what: "Bounds the memory of a worker for what is being captured.",
        set: Set::Main(store::memory_limit),
    },
    Directive {
        name: c"mcp_mode",
        syntax: "off | monitoring | block",
        default: "monitoring",
        context: "http, server, location",
        args: NGX_CONF_TAKE1,
        what: "Says how strict controls may be.",
        set: Set::Level(controls::mode),
    },
    Directive {
        name: c"mcp_protocol_check",
        syntax: "off | monitoring | block",
        default: "monitoring",
        context: "http, server, location",
        args: NGX_CONF_TAKE1,
        what: "Objects to requests whose form a lenient server could misread.",
        set: Set::Level(controls::protocol_check),
    },
    Directive {
        name: c"mcp_block_status",
        syntax: "200 | 403",
        default: "200",
        context: "http, server, location",
        args: NGX_CONF_TAKE1,
        what: "Says with which status blocked requests are answered.",
        set: Set::Level(controls::block_status),
    },
    Directive {
        name: c"mcp_fail",
        syntax: "closed | open",
        default: "closed",
        context: "http, server, location",
        args: NGX_CONF_TAKE1,
        what: "Says what becomes of requests that cannot be judged.",
        set: Set::Level(controls::fail),
    },
    Directive {
        name: c"mcp_other_bodies",
        syntax: "media-type ... | off",
        default: "off",
        context: "http, server, location",
        args: NGX_CONF_1MORE,
        what: "Lets bodies of other kinds pass where a control blocks.",
        set: Set::Level(controls::other_bodies),
    },
    Directive {
        name: c"mcp_acl",
        syntax: "\"title\" { ... }",
        default: "",
        context: "server, location",
        args: NGX_CONF_TAKE1 | NGX_CONF_BLOCK,
        what: "Allows and denies calls.",
        set: Set::Level(controls::acl),
    },
    Directive {
        name: c"mcp_verify",
        syntax: "\"title\" { ... }",
        default: "",
        context: "server, location",
        args: NGX_CONF_TAKE1 | NGX_CONF_BLOCK,
        what: "Requires values of requests.",
        set: Set::Level(controls::verify),
    },
    Directive {
        name: c"mcp_tool_schema",
        syntax: "\"title\" { ... }",
        default: "",
        context: "server, location",
        args: NGX_CONF_TAKE1 | NGX_CONF_BLOCK,
        what: "Holds tool calls against the listed schemas.",
        set: Set::Level(controls::tool_schema),
    },
    Directive {
        name: c"mcp_controls_inherit",
        syntax: "on | off",
        default: "on",
        context: "server, location",
        args: NGX_CONF_TAKE1,
        what: "Says whether controls of outer levels apply.",
        set: Set::Level(controls::inherit),
    },
    Directive {
        name: c"mcp_attack",
        syntax: "value | off",
        default: "off",
        context: "http, server, location",
        args: NGX_CONF_TAKE1,
        what: "Takes over what another program has found.",
        set: Set::Level(controls::attack),
    },
    Directive {
        name: c"mcp_console",
        syntax: "[clients=loopback|any] [servers=pattern ...]",
        default: "",
        context: "location",
        args: NGX_CONF_ANY,
        what: "Serves the console and its API.",
        set: Set::Level(console::console),
    },
    Directive {
        name: c"mcp_status",
        syntax: "[prometheus|json] [clients=loopback|any]",
        default: "",
        context: "location",
        args: NGX_CONF_NOARGS | NGX_CONF_TAKE12,
        what: "Answers with the recorder's counters.",
        set: Set::Level(location::status),
    },
];

/// One more than directives: nginx's table ends with an empty command.
const COMMANDS_COUNT: usize = DIRECTIVES.len() + 1;

/// nginx's form of the table.
pub(crate) static mut COMMANDS: [ngx_command_t; COMMANDS_COUNT] = commands();

// Evaluated by the compiler, so that an index out of bounds is an error of the build.
#[allow(clippy::indexing_slicing)]
const fn commands() -> [ngx_command_t; COMMANDS_COUNT] {
    const EMPTY: ngx_command_t = ngx_command_t::empty();
    let mut commands = [EMPTY; COMMANDS_COUNT];
    let mut index = 0;
    while index < DIRECTIVES.len() {
        let directive = &DIRECTIVES[index];
        let name = directive.name.to_bytes();
        commands[index].name = ngx_str_t { len: name.len(), data: name.as_ptr().cast_mut() };
        commands[index].type_ = (directive.args | contexts(directive.context)) as ngx_uint_t;
        commands[index].set = Some(take);
        commands[index].conf = match directive.set {
            Set::Main(_) => NGX_HTTP_MAIN_CONF_OFFSET,
            Set::Level(_) => NGX_HTTP_LOC_CONF_OFFSET,
        };
        // nginx leaves the offset to the handler: it says which directive this is.
        commands[index].offset = index;
        index += 1;
    }
    commands
}

/// nginx's bits of a list of contexts.
#[allow(clippy::indexing_slicing)]
const fn contexts(names: &str) -> u32 {
    let names = names.as_bytes();
    let mut bits = 0;
    let mut index = 0;
    while index < names.len() {
        if index == 0 || names[index - 1] == b' ' {
            bits |= match names[index] {
                b'h' => NGX_HTTP_MAIN_CONF,
                b's' => NGX_HTTP_SRV_CONF,
                _ => NGX_HTTP_LOC_CONF,
            };
        }
        index += 1;
    }
    bits
}

/// nginx calls it for every directive of ours that it reads.
unsafe extern "C" fn take(
    cf: *mut ngx_conf_t,
    command: *mut ngx_command_t,
    conf: *mut c_void,
) -> *mut c_char {
    guard(NGX_CONF_ERROR, || {
        // SAFETY: the command is one of `COMMANDS`.
        let Some(directive) = DIRECTIVES.get(unsafe { (*command).offset }) else {
            return NGX_CONF_ERROR;
        };
        // SAFETY: nginx passes its configuration context.
        let line = unsafe { Line::new(cf) };
        let taken = match directive.set {
            Set::Main(take) => {
                // SAFETY: for this offset nginx passes what `create_main_conf` made.
                let main = unsafe { &mut *conf.cast::<MainConf>() };
                take(&line, main).map(|()| main.lines.push(line.written()))
            }
            Set::Level(take) => {
                // SAFETY: for this offset nginx passes what `create_loc_conf` made.
                let said = unsafe { &mut (*conf.cast::<LocConf>()).said };
                take(&line, said).map(|()| said.lines.push(line.written()))
            }
        };
        match taken {
            Ok(()) => null_mut(),
            // nginx itself adds the directive's name, the file and the line.
            Err(Wrong::Duplicate) => c"is duplicate".as_ptr().cast_mut(),
            Err(Wrong::Said(said)) => {
                line.refuse(&said);
                NGX_CONF_ERROR
            }
            Err(Wrong::Logged) => NGX_CONF_ERROR,
        }
    })
}
