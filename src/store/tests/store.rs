//! The store as its callers see it: records in, rows and views out.

#![cfg(test)]

mod answers;
mod attacks;
mod catalogue;
mod documents;
mod failures;
mod filters;
mod fixture;
mod floods;
mod generate;
mod grouping;
mod pages;
mod primitives;
mod queries;
mod reference;
mod scan;
mod settled;
mod speed;
mod upkeep;
mod workers;
mod writing;
