//! `bench [ROW…]` measures; `bench mock KEY` and `bench axum-proxy UPSTREAM KEY` are the peers it starts from itself.

use anyhow::{Context, Result};
use permitpipe_tests::bench::{self, peer};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["mock", key] => one_worker()?.block_on(peer::mock(key)),
        ["axum-proxy", upstream, key] => one_worker()?.block_on(peer::axum_proxy(upstream, key)),
        rows => {
            let rows = rows.iter().map(|row| row.parse().with_context(|| format!("`{row}` is no row")));
            let rows: Vec<u32> = rows.collect::<Result<_>>()?;
            let results = std::env::var("PERMITPIPE_BENCH_RESULTS").unwrap_or_else(|_| "bench/results.json".to_owned());
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(bench::run(&rows, &results))
        }
    }
}

fn one_worker() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
