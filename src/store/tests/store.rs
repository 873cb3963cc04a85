//! The store as its callers see it: records in, rows and views out.

#![cfg(test)]

mod answers;
mod documents;
mod failures;
mod fixture;
mod grouping;
mod pages;
mod queries;
mod reference;
mod upkeep;
mod workers;
mod writing;
