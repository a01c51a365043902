//! The whole of PermitPipe as its own processes, for demo and system tests.
//!
//! | module | holds |
//! |---|---|
//! | [`program`] | where the built programs are |
//! | [`process`] | a child process: its output, its log, its end |
//! | [`port`] | ports that stay ours from run to run |
//! | [`cli`] | the user's verbs, answered in JSON |
//! | [`onchain`] | the chain's own word, read past all our parts |
//! | [`book`] | receipts checked by their signatures, and against the settlements on chain |

pub mod book;
pub mod cli;
pub mod onchain;
pub mod port;
pub mod process;
pub mod program;

use std::{future::Future, time::Duration};

use anyhow::{Result, bail};

const POLL: Duration = Duration::from_millis(50);

/// Asks again and again until the answer is `Some`. An error is final.
pub async fn until<T, F>(what: &str, within: Duration, mut ask: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let asked = async {
        loop {
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    match tokio::time::timeout(within, asked).await {
        Ok(answer) => answer,
        Err(_) => bail!("waited {} s in vain: {what}", within.as_secs()),
    }
}
