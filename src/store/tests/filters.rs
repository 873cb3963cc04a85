//! Random filters.

use crate::fixture::{DAY, HOUR, NOON, SECOND};
use crate::reference::{Made, Random};
use store::query::{Filter, State};

/// A filter of one to three conditions, most of them of values that are there.
pub(crate) fn random_filter(random: &mut Random, made: &Made) -> Filter {
    let mut filter = Filter::default();
    if random.below(2) == 0 {
        random_times(random, &mut filter);
    }
    for _ in 0..random.below(4) {
        let call = random.one(&made.calls).clone();
        let session = &made.sessions[call.session];
        let other = random.one(&made.calls);
        let text = |value: &str| value.to_owned();
        match random.below(19) {
            0 => filter.server = vec![text(session.server), text("nowhere")],
            1 => filter.session_id = vec![made.id_on(call.session, call.at.div_euclid(DAY))],
            2 => filter.id_source = vec![text(session.source.as_str())],
            3 => filter.state = vec![*random.one(&State::ALL)],
            4 => filter.user = vec![text(call.user), text(other.user)],
            5 => filter.user = vec![text("*")],
            6 => filter.role = vec![text(random.one::<&str>(&["admin", "dev", "none"]))],
            7 => filter.client = vec![text(call.client)],
            8 => filter.address = vec![call.address.clone(), other.address.clone()],
            9 => filter.param = vec![(text("tenant"), vec![text("acme")])],
            10 => filter.request_id = vec![call.request_id.clone(), other.request_id.clone()],
            11 => filter.method = vec![text(call.method)],
            12 => filter.primitive = vec![text(call.tool.unwrap_or("unknown"))],
            13 => filter.outcome = vec![text(call.outcome.as_str())],
            14 => filter.status = vec![call.status],
            15 if random.below(2) == 0 => {
                filter.attack = vec![text(random.one::<&str>(&["any", "ACL violation"]))]
            }
            15 => filter.control = vec![text(random.one::<&str>(&["as listed", "no such"]))],
            17 => {
                filter.action = vec![text(random.one::<&str>(&["passed", "blocked"]))];
                if random.below(2) == 0 {
                    filter.attack = vec![text("any")];
                }
            }
            16 => {
                filter.attack = vec![text(random.one::<&str>(&["any", "Protocol violation"]))];
                filter.control = vec![text(random.one::<&str>(&["as listed", ""]))];
            }
            _ => {
                filter.q = Some(text(
                    random.one::<&str>(&["ALICE", "tool", "Ärger", "-1", "zzz", "search"]),
                ))
            }
        }
    }
    filter
}

fn random_times(random: &mut Random, filter: &mut Filter) {
    let mut time = || {
        let at = NOON - DAY - 10 * HOUR + i64::try_from(random.below(3_600_000_000 * 48)).unwrap();
        match random.below(3) {
            0 => at,
            1 => at / HOUR * HOUR,
            _ => at / (60 * SECOND) * 60 * SECOND,
        }
    };
    let (a, b, which) = (time(), time(), random.below(3));
    filter.from = (which != 1).then_some(a.min(b));
    filter.to = (which != 0).then_some(a.max(b) + 1);
}
