//! The files of the checkout.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::source::Source;

/// Folders that hold nothing of ours.
const SKIPPED_FOLDERS: &[&str] = &[".git", "target", "node_modules"];
/// What counts as text of ours, by the end of its name.
const TEXT: &[&str] = &[
    ".rs",
    ".toml",
    ".md",
    ".sql",
    ".yaml",
    ".yml",
    ".sh",
    ".cpp",
    ".h",
    ".json",
    ".py",
    ".ts",
    ".tsx",
    ".html",
    ".css",
    "/dev",
    "/run",
    ".gitignore",
    ".editorconfig",
];

/// Every text file and every parsed Rust file.
pub struct Repository {
    pub root: PathBuf,
    /// Path relative to the root, with `/`, and content.
    pub texts: Vec<(String, String)>,
    pub sources: Vec<Source>,
}

impl Repository {
    /// The checkout that this test was built in. Read anew by each test: parsed source cannot be shared by threads.
    pub fn here() -> Self {
        Self::read(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent"))
    }

    /// Reads the file system and not git, so that a source archive obeys the same rules and a new file is judged
    /// before it is added.
    fn read(root: &Path) -> Self {
        let mut texts = Vec::new();
        collect(root, root, &mut texts);
        texts.sort();
        Self::of(root.to_owned(), texts)
    }

    fn of(root: PathBuf, texts: Vec<(String, String)>) -> Self {
        let rust = texts.iter().filter(|(path, _)| path.ends_with(".rs"));
        let sources = rust.map(|(path, text)| Source::parse(path, text)).collect();
        Self { root, texts, sources }
    }

    /// A made-up checkout, for the tests of the rules.
    pub fn sample(files: &[(&str, &str)]) -> Self {
        let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self::of(PathBuf::from("/sample"), texts)
    }
}

fn collect(root: &Path, folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let entry = entry.expect("a folder entry");
        let path = entry.path();
        let kind = entry.file_type().expect("a file type");
        if kind.is_dir() {
            if !SKIPPED_FOLDERS.contains(&entry.file_name().to_string_lossy().as_ref()) {
                collect(root, &path, into);
            }
            continue;
        }
        let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
        if kind.is_file() && TEXT.iter().any(|end| format!("/{name}").ends_with(end)) {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            into.push((name, text));
        }
    }
}

#[test]
fn the_checkout_is_read_with_this_file_and_without_build_output() {
    let here = Repository::here();
    assert!(here.sources.iter().any(|source| source.path == "tests/tidy/repository.rs"));
    assert!(here.texts.iter().any(|(path, _)| path == "dev"));
    assert!(here.texts.iter().any(|(path, _)| path == ".ci/run"));
    assert!(!here.texts.iter().any(|(path, _)| path.contains("/target/")));
}
