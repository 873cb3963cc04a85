//! Generated policies, held against a reference that does what product.md says word by word.

use crate::support::{STEPS, acl, tool_call, verify};
use control::schema::Budget;
use control::{Judgement, Subject, ToolsOf, Unjudged, Unknown};
use proptest::prelude::*;
use std::net::Ipv4Addr;

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Condition {
    User(&'static str),
    Role(&'static str),
    Client(&'static str),
    /// The first number of 32-bit networks, and the bits of the prefix.
    Ip(u8, u8),
    Flag(usize),
}

#[derive(Clone, Debug)]
struct Rule {
    is_deny: bool,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
struct Request {
    user: &'static str,
    roles: Vec<&'static str>,
    client: &'static str,
    address: Option<u8>,
    flags: Vec<Vec<&'static str>>,
}

impl Condition {
    fn text(&self) -> String {
        match self {
            Condition::User(name) => format!("user={name}"),
            Condition::Role(name) => format!("role={name}"),
            Condition::Client(name) => format!("client={name}"),
            Condition::Ip(first, bits) => format!("ip={first}.0.0.0/{bits}"),
            Condition::Flag(index) => format!("if=$f{index}"),
        }
    }

    fn holds(&self, request: &Request, is_deny: bool) -> bool {
        match self {
            Condition::User(name) => request.user == *name,
            Condition::Role(name) => request.roles.contains(name),
            Condition::Client(name) => request.client == *name,
            Condition::Ip(first, bits) => request.address.is_some_and(|address| {
                let shift = 8 - u32::from(*bits);
                u32::from(address) >> shift == u32::from(*first) >> shift
            }),
            Condition::Flag(index) => {
                let is_set = |value: &&str| !value.is_empty() && *value != "0";
                let flag = &request.flags[*index];
                if is_deny {
                    flag.iter().any(is_set)
                } else {
                    !flag.is_empty() && flag.iter().all(is_set)
                }
            }
        }
    }
}

/// The first line that matches, and whether it denies.
fn reference(rules: &[Rule], request: &Request) -> Option<usize> {
    let matches = |rule: &Rule| rule.conditions.iter().all(|one| one.holds(request, rule.is_deny));
    let first = rules.iter().position(matches)?;
    rules[first].is_deny.then_some(first)
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        prop::sample::select(&NAMES[..]).prop_map(Condition::User),
        prop::sample::select(&NAMES[..]).prop_map(Condition::Role),
        prop::sample::select(&NAMES[..]).prop_map(Condition::Client),
        (0..=255_u8, 0..=8_u8).prop_map(|(first, bits)| {
            Condition::Ip(if bits == 0 { 0 } else { first >> (8 - bits) << (8 - bits) }, bits)
        }),
        (0..2_usize).prop_map(Condition::Flag),
    ]
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let rule =
        (any::<bool>(), prop::collection::vec(condition(), 0..4)).prop_map(|(is_deny, all)| {
            // Of user, client and ip a line takes one, of a role no second time the same.
            let mut conditions: Vec<Condition> = Vec::new();
            for condition in all {
                let is_second = conditions.iter().any(|other| match (other, &condition) {
                    (Condition::Role(a), Condition::Role(b)) => a == b,
                    (Condition::Flag(_), _) => false,
                    _ => std::mem::discriminant(other) == std::mem::discriminant(&condition),
                });
                if !is_second {
                    conditions.push(condition);
                }
            }
            Rule { is_deny, conditions }
        });
    prop::collection::vec(rule, 1..12)
}

fn request() -> impl Strategy<Value = Request> {
    let name = || prop::sample::select(vec!["", "a", "b", "c", "d"]);
    let flag = prop::collection::vec(prop::sample::select(vec!["", "0", "1", "x"]), 0..3);
    (
        name(),
        prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "d"]), 0..3),
        name(),
        prop::option::of(any::<u8>()),
        prop::collection::vec(flag, 2),
    )
        .prop_map(|(user, roles, client, address, flags)| Request {
            user,
            roles,
            client,
            address,
            flags,
        })
}

fn block(rules: &[Rule]) -> String {
    // The first line makes the flags known in their order; its condition never holds.
    let mut block = "deny user=nobody if=$f0 if=$f1;\n".to_owned();
    for rule in rules {
        let verdict = if rule.is_deny { "deny" } else { "allow" };
        let conditions: Vec<String> = rule.conditions.iter().map(Condition::text).collect();
        let conditions =
            if conditions.is_empty() { "all".to_owned() } else { conditions.join(" ") };
        block.push_str(&format!("{verdict} {conditions};\n"));
    }
    block
}

fn judge(rules: &[Rule], request: &Request, unknown: Unknown<'_>) -> Judgement {
    let control = acl(&block(rules));
    let flags: Vec<Vec<&[u8]>> =
        request.flags.iter().map(|flag| flag.iter().map(|one| one.as_bytes()).collect()).collect();
    let values: Vec<&[&[u8]]> = flags.iter().map(Vec::as_slice).collect();
    let subject = Subject {
        user: request.user,
        roles: &request.roles,
        address: request.address.map(|first| Ipv4Addr::new(first, 7, 7, 7).into()),
        client: request.client,
        values: &values,
    };
    control.judge_partly(&tool_call("t"), &subject, unknown, ToolsOf(None), &mut Budget::new(STEPS))
}

proptest! {
    #[test]
    fn an_acl_decides_as_the_reference(rules in rules(), request in request()) {
        let judgement = judge(&rules, &request, Unknown::default());
        match (judgement, reference(&rules, &request)) {
            (Judgement::Allowed, None) => {}
            (Judgement::Denied(objection), Some(first)) => {
                let line = format!(", line {}", first + 2);
                prop_assert!(objection.detail.ends_with(&line), "{} {line}", objection.detail);
            }
            (judgement, first) => prop_assert!(false, "{judgement:?}, but {first:?}"),
        }
    }

    #[test]
    fn what_is_judged_without_a_value_is_judged_so_whatever_the_value(
        rules in rules(),
        request in request(),
        others in prop::collection::vec((0..5_usize, any::<[bool; 2]>(), 0..8_usize), 8),
        is_unknown in any::<[bool; 4]>(),
    ) {
        let [user, roles, f0, f1] = is_unknown;
        let flags_unknown = [f0, f1];
        let unknown = Unknown { user, roles, values: &flags_unknown };
        let judgement = judge(&rules, &request, unknown);
        let is_denied = match judgement {
            Judgement::Denied(_) => true,
            Judgement::Allowed => false,
            Judgement::Unjudged(Unjudged::NotRecorded) => return Ok(()),
            judgement => return Err(TestCaseError::fail(format!("{judgement:?}"))),
        };
        for (name, flags, mask) in others {
            let mut request = request.clone();
            if user {
                request.user = ["", "a", "b", "c", "d"][name];
            }
            if roles {
                request.roles = (0..3).filter(|bit| mask >> bit & 1 == 1).map(|bit| NAMES[bit]).collect();
            }
            for (index, is_set) in flags.into_iter().enumerate() {
                if flags_unknown[index] {
                    request.flags[index] = vec![if is_set { "1" } else { "0" }];
                }
            }
            prop_assert_eq!(reference(&rules, &request).is_some(), is_denied, "{:?}", request);
        }
    }

    #[test]
    fn a_verification_decides_as_the_reference(
        listed in prop::collection::vec("[ab]{1,2}", 1..4),
        value in prop::collection::vec("[ab ]{0,4}", 0..3),
        how in prop::sample::select(vec!["require $v", "require_scope $v any", "require_scope $v all"]),
    ) {
        let control = verify(&format!("{how} {};", listed.join(" ")));
        let occurrences: Vec<&[u8]> = value.iter().map(|one| one.as_bytes()).collect();
        let subject = Subject { values: &[&occurrences], ..Subject::default() };
        let budget = &mut Budget::new(STEPS);
        let judgement = control.judge(&tool_call("t"), &subject, ToolsOf(None), budget);
        let is_met = !value.is_empty() && value.iter().all(|one| match how {
            "require $v" => listed.contains(one),
            "require_scope $v any" => listed.iter().any(|scope| one.split(' ').any(|has| has == scope)),
            _ => listed.iter().all(|scope| one.split(' ').any(|has| has == scope)),
        });
        prop_assert_eq!(judgement == Judgement::Allowed, is_met);
    }

    #[test]
    fn no_words_make_reading_fail_otherwise_than_with_an_error(
        words in prop::collection::vec(
            prop::collection::vec("(allow|deny|require|require_scope|methods|tools|mode|grace|all|any|\\PC{0,8})(=|\\$|\\*)?\\PC{0,6}", 0..5),
            0..6,
        ),
        title in "\\PC{0,20}",
    ) {
        let lines: Vec<control::Line> = (1..)
            .zip(words)
            .map(|(number, words)| control::Line { number, words })
            .collect();
        for kind in control::ControlKind::ALL {
            if let Ok((control, _)) = control::Control::parse(kind, &title, "", "", &lines) {
                let _ = control.judge(&tool_call("t"), &Subject::default(), ToolsOf(None), &mut Budget::new(100));
            }
        }
    }
}
