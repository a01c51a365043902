//! The main job end to end, with nothing but real parts: top up, lease, call, charge, settle, withdraw.
//!
//! | module | holds |
//! |---|---|
//! | [`stage`] | the parts as processes, and what is remembered between runs |
//! | [`teller`] | says what happens and what it proves |
//! | [`owner`] | acts of the owner: credit, secrets, policy |
//! | [`agent`] | acts of the agent: calls that pass, and calls that must not |
//! | [`python`] | the official `openai` package at work |
//! | [`reckoning`] | settlement, withdrawal, and whether the sums agree |

mod agent;
mod owner;
mod python;
mod reckoning;
mod stage;
mod teller;

use std::path::Path;

use anyhow::Result;

use self::{reckoning::Opening, stage::Stage, teller::Teller};

/// Plays everything on the data in `data`, and stops what it started, however it ends.
pub async fn play(data: &Path, interrupted: impl Future<Output = ()>) -> Result<()> {
    let teller = Teller::default();
    // Both ends see the stage: children that were started before an interruption have to be stopped after it.
    let mut stage = Stage::new(data)?;
    let played = tokio::select! {
        played = acts(&mut stage, &teller) => played,
        () = interrupted => Err(anyhow::anyhow!("interrupted")),
    };
    let stopped = stage.stop().await;
    let words = stage.last_words();
    if played.is_err() && !words.is_empty() {
        teller.note(&format!("the log of `permitpipe up` ends with:\n{words}"));
    }
    played.and(stopped)?;
    teller.close();
    Ok(())
}

async fn acts(stage: &mut Stage, teller: &Teller) -> Result<()> {
    teller.act("Everything starts: Postgres, a Solana chain with our program, indexer, broker, an upstream");
    let scene = &stage.start(teller).await?;
    let opening = Opening::read(scene, teller).await?;
    teller.act("The wallet tops up 5 USDC on chain");
    owner::top_up(scene, teller).await?;
    teller.act("The owner stores master keys and says what agents may do");
    owner::store_secrets(scene, teller).await?;
    owner::apply_policy(scene, teller).await?;
    teller.act("An agent asks for a lease of 0.01 USD");
    agent::is_narrowed(scene, teller).await?;
    teller.act("The official openai package streams a chat, unchanged but for base URL and key");
    agent::streams_a_chat(scene, teller).await?;
    teller.act("solana-client reads the chain through a lease");
    agent::reads_the_chain(scene, teller).await?;
    teller.act("Calls that must not pass: out of scope, on a revoked lease, beyond the budget");
    agent::is_kept_in_scope(scene, teller).await?;
    agent::loses_a_revoked_lease(scene, teller).await?;
    agent::runs_out_of_budget(scene, teller).await?;
    teller.act("What was spent is settled on chain");
    opening.settle(scene, teller).await?;
    teller.act("The owner withdraws the rest");
    owner::withdraw(scene, teller).await?;
    teller.act("Sums agree to the atom");
    opening.close(scene, teller).await
}
