#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::boundary_and_objections(bytes));
