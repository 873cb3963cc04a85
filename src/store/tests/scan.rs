//! A day's calls one after the other, held against the list of calls.

use crate::fixture::Store;
use crate::queries::limits;
use crate::reference::{Random, make};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use store::query::{Filter, PageRequest, Reader, Scope, Sort};

#[test]
fn every_call_of_every_day_is_shown_once_and_as_the_list_shows_it() {
    let store = Store::new();
    make(&store, &mut Random(7), 2_000);
    let stop = Arc::new(AtomicBool::new(false));
    for scope in [Scope::all(), Scope::servers(vec!["crm.test/*".into()])] {
        let mut reader = Reader::open(&store.path(), scope);
        let mut listed = BTreeMap::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = PageRequest { limit: 500, cursor: cursor.as_deref() };
            let filter = Filter::default();
            let page = reader.calls(&filter, Sort::Newest, page, true, &limits(&stop)).unwrap();
            listed.extend(page.items.into_iter().map(|call| (call.id, call)));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let mut warnings = Vec::new();
        let mut seen = 0;
        for day in reader.stored_days().unwrap() {
            let is_whole = reader.scan(day.number, true, &limits(&stop), &mut warnings, |call| {
                let other = listed.remove(&call.id).expect("listed, and not shown before");
                assert_eq!(
                    call.id.to_string().rsplit_once('.').unwrap().0,
                    other.session.to_string()
                );
                assert_eq!(&**call.server, other.server);
                assert_eq!(call.session_id, other.session_id);
                assert_eq!(call.at, other.at.0);
                assert_eq!(call.actor.user, other.user.unwrap_or_default());
                let roles: Vec<String> =
                    serde_json::from_str(&call.actor.roles).unwrap_or_default();
                assert_eq!(roles, other.roles);
                assert_eq!(call.kind.method, other.method.unwrap_or_default());
                assert_eq!(call.kind.primitive, other.primitive.map(|primitive| primitive.name));
                assert_eq!(call.kind.direction, other.direction);
                let arguments = other.arguments.map(|json| json.get().to_owned());
                assert_eq!(call.arguments, arguments.as_deref());
                seen += 1;
            });
            assert!(is_whole.unwrap());
        }
        assert_eq!((warnings, listed.len()), (Vec::new(), 0));
        assert!(seen > 100, "{seen}");
    }
}

#[test]
fn a_damaged_day_is_named_and_the_others_are_shown() {
    let store = Store::new();
    make(&store, &mut Random(8), 500);
    let stop = Arc::new(AtomicBool::new(false));
    let mut reader = Reader::open(&store.path(), Scope::all());
    let days = reader.stored_days().unwrap();
    assert!(days.len() > 1, "{days:?}");
    std::fs::write(store.file(&format!("{}.db", days[1].name)), "no database at all").unwrap();
    let mut warnings = Vec::new();
    let whole: Vec<bool> = days
        .iter()
        .map(|day| reader.scan(day.number, false, &limits(&stop), &mut warnings, |_| ()).unwrap())
        .collect();
    let expected: Vec<bool> = (0..days.len()).map(|index| index != 1).collect();
    assert_eq!(whole, expected);
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].day.as_deref(), Some(&*days[1].name));
}
