//! The store as its callers see it: records in, rows and views out.

#![cfg(test)]

mod answers;
mod documents;
mod failures;
mod fixture;
mod grouping;
mod upkeep;
mod workers;
mod writing;
