//! Lines by what they ask for, so that a call is held only against those that may match it.

use super::condition::Conditions;
use crate::judge::{Subject, Unknown};
use ipnet::IpNet;
use std::collections::{BTreeSet, HashMap};

/// The numbers of lines, ascending.
type List = Vec<u32>;

/// Every line stands in one list: by the one of its conditions that fewest calls meet.
#[derive(Debug, Default)]
pub(super) struct Index {
    by_user: HashMap<Box<str>, List>,
    by_client: HashMap<Box<str>, List>,
    by_role: HashMap<Box<str>, List>,
    by_net: HashMap<IpNet, List>,
    /// The lengths of prefixes there are, of IPv4 (true) and IPv6: at most 162.
    lengths: BTreeSet<(bool, u8)>,
    /// All others.
    rest: List,
    /// Every line, for calls of which not all is known.
    every: List,
}

impl Index {
    pub(super) fn of<'c>(lines: impl Iterator<Item = &'c Conditions>) -> Self {
        let mut index = Index::default();
        for (number, conditions) in (0..).zip(lines) {
            index.list_of(conditions).push(number);
            index.every.push(number);
        }
        index
    }

    fn list_of(&mut self, conditions: &Conditions) -> &mut List {
        if let Some(user) = &conditions.user {
            self.by_user.entry(user.clone()).or_default()
        } else if let Some(client) = &conditions.client {
            self.by_client.entry(client.clone()).or_default()
        } else if let Some(role) = conditions.roles.first() {
            self.by_role.entry(role.clone()).or_default()
        } else if let Some(net) = conditions.net {
            self.lengths.insert((net.addr().is_ipv4(), net.prefix_len()));
            self.by_net.entry(net).or_default()
        } else {
            &mut self.rest
        }
    }

    /// The lists of the lines that may match, in no order.
    pub(super) fn lists<'i>(
        &'i self,
        subject: &Subject<'_>,
        unknown: Unknown<'_>,
    ) -> Vec<&'i [u32]> {
        if unknown.user || unknown.roles {
            return vec![&self.every];
        }
        let mut lists: Vec<&[u32]> = vec![&self.rest];
        let mut add = |list: Option<&'i List>| lists.extend(list.map(Vec::as_slice));
        add(self.by_user.get(subject.user));
        add(self.by_client.get(subject.client));
        for role in subject.roles {
            add(self.by_role.get(*role));
        }
        if let Some(address) = subject.address.map(|address| address.to_canonical()) {
            for (_, bits) in self.lengths.iter().filter(|(is_v4, _)| *is_v4 == address.is_ipv4()) {
                let net = IpNet::new(address, *bits);
                add(net.ok().and_then(|net| self.by_net.get(&net.trunc())));
            }
        }
        lists
    }
}
