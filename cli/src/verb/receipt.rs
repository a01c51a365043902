//! `permitpipe receipt list`.

use permitpipe_sdk::receipt::Receipt;

use super::Context;
use crate::{error::Error, output};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// Show the signed receipts, lease by lease
    List,
}

/// Does it.
pub async fn run(verb: Verb, context: &Context) -> Result<(), Error> {
    let Verb::List = verb;
    let page = context.client()?.receipts().await?;
    if context.json {
        output::json(&page);
        return Ok(());
    }
    let row = |receipt: &Receipt| {
        let body = &receipt.body;
        let note = if body.is_estimated { "estimated" } else { "" };
        [
            body.lease_id.to_string(),
            body.sequence.to_string(),
            body.operation.clone(),
            body.amount.to_string(),
            body.counted.to_string(),
            body.total.to_string(),
            note.to_owned(),
        ]
    };
    let headings = ["lease", "no.", "operation", "charged (USD)", "counted (USD)", "charged so far (USD)", ""];
    output::table(headings, page.receipts.iter().map(row).collect(), "no receipts yet: nothing was called");
    Ok(())
}
