//! The fake upstream as a program: prints its URL and serves until it is stopped.
//!
//! `UPSTREAM_KEY` is the real key it insists on; `UPSTREAM_ADDRESS` the address to listen on, a free loopback port if unset.
//! `GET /_received` lists what it was sent, credentials hashed.

use anyhow::Context;
use permitpipe_tests::upstream::Upstream;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let key = std::env::var("UPSTREAM_KEY").context("set UPSTREAM_KEY to the key this upstream shall accept")?;
    let address = std::env::var("UPSTREAM_ADDRESS").unwrap_or_else(|_| "127.0.0.1:0".into());
    let upstream = Upstream::start_at(address.parse()?, &key).await?;
    println!("{}", upstream.url());
    upstream.serve_forever().await;
    Ok(())
}
