//! The WebSocket. A notification only means "look now": nothing it says is believed, and missing it costs one poll.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures_util::StreamExt;
use permitpipe_sdk::chain::PROGRAM_ID;
use solana_client::{
    nonblocking::pubsub_client::{PubsubClient, PubsubClientError},
    rpc_config::{RpcTransactionLogsConfig, RpcTransactionLogsFilter},
};
use solana_commitment_config::CommitmentConfig;
use tokio::sync::Notify;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Connects, subscribes, rings; for ever.
pub async fn listen(url: String, wake: Arc<Notify>) -> Infallible {
    let mut pause = FIRST_PAUSE;
    loop {
        let mut heard = false;
        if let Err(cause) = ring(url.clone(), &wake, &mut heard).await {
            tracing::debug!(%cause, "no wake-ups over the WebSocket; polling goes on");
        }
        if heard {
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

async fn ring(url: String, wake: &Notify, heard: &mut bool) -> Result<(), PubsubClientError> {
    let client = PubsubClient::new(url).await?;
    let filter = RpcTransactionLogsFilter::Mentions(vec![PROGRAM_ID.to_string()]);
    let config = RpcTransactionLogsConfig { commitment: Some(CommitmentConfig::confirmed()) };
    let (mut logs, _unsubscribe) = client.logs_subscribe(filter, config).await?;
    *heard = true;
    while logs.next().await.is_some() {
        wake.notify_one();
    }
    Ok(())
}
