//! `permitpipe settlement list`.

use permitpipe_sdk::wire::Settlement;

use super::Context;
use crate::{error::Error, output};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// Show what was, or is being, settled on chain
    List,
}

/// Does it.
pub async fn run(verb: Verb, context: &Context) -> Result<(), Error> {
    let Verb::List = verb;
    let page = context.client()?.settlements().await?;
    if context.json {
        output::json(&page);
        return Ok(());
    }
    let row = |settlement: &Settlement| {
        [
            settlement.sequence.to_string(),
            settlement.amount.to_string(),
            settlement.receipt_count.to_string(),
            settlement.state.clone(),
            output::short(&settlement.receipts_root),
            settlement.signature.clone().unwrap_or_default(),
        ]
    };
    let headings = ["no.", "amount (USD)", "receipts", "state", "root", "transaction"];
    output::table(headings, page.settlements.iter().map(row).collect(), "nothing was settled yet");
    Ok(())
}
