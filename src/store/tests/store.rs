//! The store as its callers see it: records in, rows and views out.

mod answers;
mod fixture;
mod grouping;
mod writing;
