//! `permitpipe policy apply FILE`.

use std::{fs, path::PathBuf};

use super::Context;
use crate::{
    error::{Error, Explain},
    output,
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// Make a file the policy from now on; leases already issued are judged by it too
    Apply {
        /// Usually agent.policy.yaml
        file: PathBuf,
    },
}

/// Does it.
pub async fn run(verb: Verb, context: &Context) -> Result<(), Error> {
    let Verb::Apply { file } = verb;
    let yaml = fs::read_to_string(&file).explain(|| format!("cannot read {}", file.display()))?;
    let policy = context.client()?.apply_policy(&yaml).await?;
    if context.json {
        output::json(&policy);
    } else {
        output::line(format!(
            "{} is in force, version {}, sha256 {}",
            file.display(),
            policy.version,
            policy.content_hash
        ));
    }
    Ok(())
}
