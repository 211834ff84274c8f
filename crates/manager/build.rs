//! Has the crate built anew when a migration is added: `embed_migrations!` notices changed files only.
#![allow(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
