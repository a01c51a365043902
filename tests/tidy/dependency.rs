//! Crates depend in one direction: `program ◄─ sdk ◄─ indexer, broker ◄─ cli`, and the tests on everything.

use cargo_metadata::MetadataCommand;

use crate::{Finding, repository::Repository};

/// Each crate of ours, and which of the others it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("permitpipe-program", &[]),
    ("permitpipe-sdk", &["permitpipe-program"]),
    ("permitpipe-indexer", &["permitpipe-sdk"]),
    ("permitpipe-broker", &["permitpipe-sdk"]),
    ("permitpipe-cli", &["permitpipe-sdk", "permitpipe-indexer", "permitpipe-broker"]),
    (
        "permitpipe-tests",
        &["permitpipe-program", "permitpipe-sdk", "permitpipe-indexer", "permitpipe-broker", "permitpipe-cli"],
    ),
];
/// Foreign crates that would drag a whole layer to where it does not belong.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("permitpipe-program", &["tokio", "sqlx", "axum", "reqwest"]),
    ("permitpipe-sdk", &["axum", "sqlx"]),
    ("permitpipe-indexer", &["axum"]),
];

/// A crate and the crates it names in its manifest.
type Crate = (String, Vec<String>);

pub fn findings(repository: &Repository) -> Vec<Finding> {
    judge(&crates(repository))
}

fn crates(repository: &Repository) -> Vec<Crate> {
    // `no_deps` reads our manifests only: nothing is resolved or downloaded.
    let metadata = MetadataCommand::new().manifest_path(repository.root.join("Cargo.toml")).no_deps().exec();
    let packages = metadata.expect("cargo metadata runs").packages;
    let names = |package: &cargo_metadata::Package| package.dependencies.iter().map(|d| d.name.clone()).collect();
    packages.iter().map(|package| (package.name.to_string(), names(package))).collect()
}

fn judge(crates: &[Crate]) -> Vec<Finding> {
    let is_ours = |name: &str| crates.iter().any(|(ours, _)| ours == name);
    let mut found = Vec::new();
    for (name, dependencies) in crates {
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| known == name) else {
            found.push(finding(name, "is new: say in tests/tidy/dependency.rs what it may depend on".to_owned()));
            continue;
        };
        let forbidden = FORBIDDEN.iter().find(|(known, _)| known == name).map_or(&[][..], |(_, forbidden)| forbidden);
        for dependency in dependencies {
            let dependency = dependency.as_str();
            if (is_ours(dependency) && !allowed.contains(&dependency)) || forbidden.contains(&dependency) {
                found.push(finding(name, format!("may not depend on {dependency}")));
            }
        }
    }
    found
}

fn finding(name: &str, message: String) -> Finding {
    Finding { rule: "dependency", path: name.to_owned(), line: 0, message }
}

#[test]
fn the_repository_obeys() {
    crate::obey(findings);
}

#[test]
fn the_table_names_crates_that_exist() {
    let crates = crates(&Repository::here());
    for (name, _) in ALLOWED {
        assert!(crates.iter().any(|(ours, _)| ours == name), "{name} is no crate of the workspace");
    }
}

#[test]
fn backward_arrows_foreign_layers_and_new_crates_are_found() {
    let crates = |edges: &[(&str, &str)]| -> Vec<Crate> {
        let ours = ALLOWED.iter().map(|(name, _)| (*name).to_owned());
        let to = |name: &str| edges.iter().filter(|(from, _)| *from == name).map(|(_, to)| (*to).to_owned()).collect();
        ours.map(|name| (name.clone(), to(&name))).collect()
    };
    assert_eq!(judge(&crates(&[("permitpipe-broker", "permitpipe-sdk"), ("permitpipe-broker", "axum")])), []);
    for bad in [
        ("permitpipe-program", "permitpipe-sdk"),
        ("permitpipe-sdk", "permitpipe-broker"),
        ("permitpipe-sdk", "sqlx"),
        ("permitpipe-indexer", "permitpipe-broker"),
        ("permitpipe-broker", "permitpipe-indexer"),
        ("permitpipe-broker", "permitpipe-program"),
        ("permitpipe-cli", "permitpipe-tests"),
    ] {
        assert_eq!(judge(&crates(&[bad])).len(), 1, "{bad:?}");
    }
    assert_eq!(judge(&[("permitpipe-new".to_owned(), Vec::new())]).len(), 1);
}
