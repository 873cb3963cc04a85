//! Link arguments of the nginx module.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // nginx unloads a module together with the configuration cycle that loaded it. A thread of the
    // module that still runs then would execute unmapped code, so the object stays mapped.
    println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
    // nginx loads modules with RTLD_GLOBAL: what the bundled SQLite or Rust's library exported
    // would meet the symbols of other modules.
    println!("cargo::rustc-link-arg-cdylib=-Wl,--exclude-libs,ALL");
}
