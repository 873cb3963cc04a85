use crate::testing::{Exchange, recorded, rules, samples};

#[test]
fn probe() {
    for folder in std::env::var("FOLDERS").unwrap().split(',') {
        let exchanges: Vec<Exchange> =
            samples(folder).into_iter().map(|sample| sample.exchange).collect();
        println!("==== {folder}\n{}", recorded(rules(), &exchanges));
    }
}
