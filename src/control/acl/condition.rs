//! The conditions of a line.

use crate::judge::{Subject, Unknown};
use crate::lines::{Line, LineError, shown};
use crate::reading::Reading;
use crate::schema::Budget;
use ipnet::{IpNet, Ipv4Net};
use std::net::IpAddr;

/// Conditions of one line.
pub const CONDITIONS_MAX: usize = 32;

/// Roles that are compared for the price of one step of the budget.
const COMPARISONS_PER_STEP: usize = 8;

/// The written forms, for messages.
const KNOWN: &str = "all, user=, role=, ip=, client= or if=";

/// The conditions of a line, all of which must hold. None: `all`.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    pub(super) user: Option<Box<str>>,
    pub(super) client: Option<Box<str>>,
    pub(super) roles: Vec<Box<str>>,
    pub(super) net: Option<IpNet>,
    /// Indexes of the control's values.
    flags: Vec<usize>,
}

/// Whether conditions hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    No,
    Yes,
    /// It depends on what is not known.
    Unknown,
}

impl Conditions {
    pub(super) fn read(line: &Line, reading: &mut Reading) -> Result<Self, LineError> {
        let verdict = line.name();
        match line.rest() {
            [] => {
                return Err(line.wrong(format!(
                    "\"{verdict}\" has no condition: write {verdict} all, or one of {KNOWN}"
                )));
            }
            [word] if word == "all" => return Ok(Conditions::default()),
            words if words.len() > CONDITIONS_MAX => {
                return Err(line.wrong(format!(
                    "more than {CONDITIONS_MAX} conditions in one line: all of them must hold, write \
                     a line for each of several"
                )));
            }
            _ => {}
        }
        let mut conditions = Conditions::default();
        for word in line.rest() {
            conditions.take(word, line, reading)?;
        }
        Ok(conditions)
    }

    fn take(&mut self, word: &str, line: &Line, reading: &mut Reading) -> Result<(), LineError> {
        let verdict = line.name();
        let Some((name, value)) = word.split_once('=') else {
            return Err(line.wrong(bare(word, verdict)));
        };
        if value.is_empty() && matches!(name, "user" | "role" | "ip" | "client" | "if") {
            return Err(line.wrong(format!(
                "\"{name}=\" has no value: write one, or leave it out (a missing {name} matches \
                 nothing)"
            )));
        }
        let is_second = match name {
            "user" => self.user.replace(value.into()).is_some(),
            "client" => self.client.replace(value.into()).is_some(),
            "ip" => self.net.replace(net(value, line, reading)?).is_some(),
            "role" => {
                let is_second = self.roles.iter().any(|role| **role == *value);
                self.roles.push(value.into());
                is_second
            }
            "if" if value.contains('$') => {
                let index = reading.value(value, line)?;
                self.flags.push(index);
                false
            }
            "if" => {
                return Err(line.wrong(format!(
                    "\"if=\" has no variable in {}: write if=$variable; conditions on text are made \
                     with a map",
                    shown(value)
                )));
            }
            _ => {
                return Err(line.wrong(format!("unknown condition {}: write {KNOWN}", shown(word))));
            }
        };
        if is_second {
            return Err(line.wrong(format!(
                "{} and another \"{name}=\" in one line, all of whose conditions must hold: write a \
                 line for each",
                shown(word)
            )));
        }
        if name != "if" && value.contains('*') {
            reading.warnings.add(Some(line.number), || {
                format!(
                    "the \"*\" in {} stands for itself: patterns are made with a map, and used as \
                     if=$variable",
                    shown(word)
                )
            });
        } else if name != "if" && value.contains('$') {
            reading.warnings.add(Some(line.number), || {
                format!("the \"$\" in {} stands for itself: only if= takes variables", shown(word))
            });
        }
        Ok(())
    }

    /// Whether they hold; `None` if the budget is used up.
    pub(super) fn hold(
        &self,
        subject: &Subject<'_>,
        unknown: Unknown<'_>,
        is_deny: bool,
        budget: &mut Budget,
    ) -> Option<Holds> {
        let comparisons = self.roles.len() * subject.roles.len();
        if !budget.spend(1 + (comparisons / COMPARISONS_PER_STEP) as u64) {
            return None;
        }
        let is_text = |wanted: &Option<Box<str>>, text: &str| match wanted {
            Some(wanted) => **wanted == *text,
            None => true,
        };
        let mut is_sure = true;
        // What is not known does not speak against it, whatever is told of it.
        let mut holds = |is_unknown: bool, is_true: &dyn Fn() -> bool| {
            is_sure &= !is_unknown;
            is_unknown || is_true()
        };
        let has_role = |role: &str| subject.roles.contains(&role);
        let has_net = |net: &IpNet| {
            subject.address.is_some_and(|address| net.contains(&address.to_canonical()))
        };
        let can_hold =
            holds(unknown.user && self.user.is_some(), &|| is_text(&self.user, subject.user))
                && is_text(&self.client, subject.client)
                && self.net.as_ref().is_none_or(has_net)
                && holds(unknown.roles && !self.roles.is_empty(), &|| {
                    self.roles.iter().all(|role| has_role(role))
                })
                && self.flags.iter().all(|&index| {
                    holds(unknown.value(index), &|| {
                        is_set(subject.values.get(index).copied().unwrap_or_default(), is_deny)
                    })
                });
        Some(match (can_hold, is_sure) {
            (false, _) => Holds::No,
            (true, true) => Holds::Yes,
            (true, false) => Holds::Unknown,
        })
    }
}

/// Whether a value is there and not `0`. Of several occurrences those count that do not favour who
/// sends them: one that is set suffices to deny, all must be to allow.
fn is_set(occurrences: &[&[u8]], is_deny: bool) -> bool {
    let mut occurrences = occurrences.iter();
    let is_one_set = |occurrence: &&[u8]| !occurrence.is_empty() && *occurrence != b"0";
    if is_deny {
        occurrences.any(is_one_set)
    } else {
        occurrences.len() > 0 && occurrences.all(is_one_set)
    }
}

/// What to write instead of a word that is no condition.
fn bare(word: &str, verdict: &str) -> String {
    if word == "all" {
        return format!(
            "\"all\" and other conditions in one line: write {verdict} all alone, or only the others"
        );
    }
    if word.parse::<IpNet>().is_ok() || word.parse::<IpAddr>().is_ok() {
        return format!("{} is no condition: write ip={word}", shown(word));
    }
    if word.starts_with('$') {
        return format!("{} is no condition: write if={word}", shown(word));
    }
    format!("unknown condition {}: write {KNOWN}", shown(word))
}

/// The network of an address or CIDR. What speaks of IPv4 within IPv6 is IPv4, as addresses are.
fn net(text: &str, line: &Line, reading: &mut Reading) -> Result<IpNet, LineError> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    let net = text.parse::<IpNet>().or(address).map_err(|_| {
        line.wrong(format!(
            "invalid address {}: write an address or a network, as ip=10.0.0.0/8 or ip=2001:db8::/32",
            shown(text)
        ))
    })?;
    if net.addr() != net.network() {
        reading.warnings.add(Some(line.number), || {
            format!("the last bits of {} mean nothing: write ip={}", shown(text), net.trunc())
        });
    }
    let IpNet::V6(v6) = net.trunc() else { return Ok(net.trunc()) };
    let mapped = v6.prefix_len().checked_sub(96).zip(v6.addr().to_ipv4_mapped());
    let v4 = mapped.and_then(|(bits, address)| Ipv4Net::new(address, bits).ok());
    Ok(v4.map_or(IpNet::V6(v6), IpNet::V4))
}
