//! Which release of rmcp this is built with, by the lock file, and what its interface has.

use std::fs;

fn main() {
    // Copies of this folder, one for each release, share a target directory, in which cargo takes them for one package
    // and would go by the times of their files: a file that is not there makes it build the driver each time.
    println!("cargo::rerun-if-changed=not-there");
    let lock = fs::read_to_string("Cargo.lock").expect("the lock file says which release this is");
    let entry = lock.split("[[package]]").find(|entry| entry.contains("name = \"rmcp\"\n"));
    let version = entry.and_then(|entry| entry.split("version = \"").nth(1)?.split('"').next());
    let version = version.expect("rmcp is in the lock file");
    println!("cargo::rustc-env=RMCP_VERSION={version}");

    // A feature that older releases do not know.
    println!("cargo::rustc-check-cfg=cfg(enterprise)");
    if fs::read_to_string("Cargo.toml").is_ok_and(|manifest| manifest.contains("auth-enterprise-managed")) {
        println!("cargo::rustc-cfg=enterprise");
    }
    let (release, beta) = version.split_once("-beta.").unwrap_or((version, "1000"));
    let mut numbers: Vec<u32> = release.split('.').map(|each| each.parse().unwrap_or(0)).collect();
    numbers.push(beta.parse().unwrap_or(0));
    for (name, since) in [
        // A redirect is handed back whole, `iss` and all.
        ("callback_url", [1, 8, 0, 0]),
        // `AuthorizationRequest`.
        ("requests", [3, 0, 0, 1]),
        // The challenge of a real request starts an authorization, not a probe.
        ("reactive", [3, 0, 0, 3]),
        // `with_initial_scope_selection`.
        ("initial_scopes", [3, 6, 0, 0]),
        // MCP 2026-07-28; the betas speak drafts of it.
        ("stateless", [3, 0, 0, 1000]),
    ] {
        println!("cargo::rustc-check-cfg=cfg({name})");
        if numbers.as_slice() >= since.as_slice() {
            println!("cargo::rustc-cfg={name}");
        }
    }
}
