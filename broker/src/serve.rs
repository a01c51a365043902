//! Starts a broker: connects, loads the keys, starts the tasks, listens until told to stop.

use std::{future::Future, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use ed25519_dalek::SigningKey;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use permitpipe_sdk::{
    bearer::{Bearer, BearerKind},
    id::{KeyId, RequestId},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, Cache, Shared},
    audit::{Entry, EntryKind, Subject},
    config::{Config, Terms},
    db,
    forward::{PrivateOrigins, UpstreamClient},
    node::Node,
    router::router,
    secret::{Binding, KeyEncryptionKey, is_key_of},
    service::Catalog,
    spawn::Spawner,
    task,
    train::{self, Counters},
};

/// A client gets this long to send its request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Requests under way get this long at shutdown; then their streams are cut and their holds captured.
const DRAIN: Duration = Duration::from_secs(30);

/// Serves until `shutdown` resolves. The address is reported through `ready` once requests are taken.
pub async fn serve(
    config: Config,
    ready: impl FnOnce(std::net::SocketAddr),
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let listener =
        TcpListener::bind(config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    let (app, writer) = build(config, address).await?;
    task::beat::join(&app).await.context("cannot enter this node into the database")?;
    let (stop_tasks, stop_beat) = (CancellationToken::new(), CancellationToken::new());
    let background = Spawner::default();
    start_tasks(&app, &background, &stop_tasks)?;
    let beat = Spawner::default();
    beat.run(task::beat::run(app.clone(), stop_beat.clone()));
    beat.run(task::beat::watch(app.clone(), stop_beat.clone()));
    ready(address);
    listen(&app, listener, shutdown).await;
    // In this order: no new work, then the ends of what runs, then the heartbeat that allowed it, then the writer.
    stop_tasks.cancel();
    background.drain().await;
    if tokio::time::timeout(DRAIN, app.spawner.drain()).await.is_err() {
        app.node.cut_all().await;
        let _ = tokio::time::timeout(DRAIN, app.spawner.drain()).await;
    }
    stop_beat.cancel();
    beat.drain().await;
    drop(app);
    // Without a database there is nobody to write to: what is open then is recovered by whoever starts next.
    let _ = tokio::time::timeout(DRAIN, writer.drain()).await;
    Ok(())
}

/// Everything shared, and the train's writer under way.
async fn build(config: Config, address: std::net::SocketAddr) -> Result<(App, Spawner)> {
    // Another part of the same process may have installed it already; either way there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kek = KeyEncryptionKey::load(&config.kek_path)?;
    let receipt_key = load_receipt_key(&config.receipt_key_path)?;
    let private_origins = PrivateOrigins::parse(&config.allowed_private_origins)?;
    let pool =
        db::connect(&config.database_url, config.database_connections).await.context("cannot use the database")?;
    check_key(&pool, &kek).await?;
    let own = db::connect_train(&config.database_url).await.context("cannot use the database")?;
    let counters = Arc::new(Counters::default());
    let (train, track) = train::train();
    let terms = Terms { settle_interval: config.settle_interval, longest_hold: config.longest_hold };
    let writer = Spawner::default();
    writer.run(train::run(track, own, terms, Arc::clone(&counters)));
    let app = App::new(Shared {
        public_url: config.public_url.clone().unwrap_or_else(|| format!("http://{address}")),
        upstream: UpstreamClient::new(private_origins.clone()),
        catalog: Catalog::builtin().map_err(|error| anyhow::anyhow!("a built-in template is broken: {error}"))?,
        config,
        pool,
        train,
        counters,
        node: Node::new(),
        private_origins,
        kek,
        receipt_key,
        spawner: Spawner::default(),
        cache: Cache::default(),
    });
    Ok((app, writer))
}

fn start_tasks(app: &App, tasks: &Spawner, stop: &CancellationToken) -> Result<()> {
    let expiring = app.clone();
    let tick = Duration::from_millis(500);
    tasks.run(task::repeat("expire", tick, stop.clone(), move || {
        let app = expiring.clone();
        async move { task::expire::run(&app).await }
    }));
    let posting = app.clone();
    tasks.run(task::repeat("post", Duration::from_millis(250), stop.clone(), move || {
        let app = posting.clone();
        async move { task::post::run(&app).await }
    }));
    if let Some(path) = &app.config.settle_key_path {
        let settler = Arc::new(task::settle::Settler::new(app.clone(), path)?);
        tasks.run(task::repeat("settle", app.config.settle_interval, stop.clone(), move || {
            let settler = Arc::clone(&settler);
            async move { settler.run().await }
        }));
    }
    Ok(())
}

/// Takes connections until `shutdown`, then waits for those under way.
async fn listen(app: &App, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    let service = TowerToHyperService::new(router(app.clone()));
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_headers(128);
    server.http2().timer(TokioTimer::new());
    let graceful = GracefulShutdown::new();
    let connections = Spawner::default();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors: those that are open must close first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service.clone()).into_owned();
        let watched = graceful.watch(connection);
        connections.run(async move {
            if let Err(error) = watched.await {
                tracing::debug!(error, "connection ended");
            }
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

/// A broker with the wrong key-encryption key could open nothing and would seal what nobody else can open.
async fn check_key(pool: &sqlx::PgPool, kek: &KeyEncryptionKey) -> Result<()> {
    let Some((owner_id, secret_id, version, origin, sealed)) = db::secret::find_newest(pool).await? else {
        return Ok(());
    };
    let binding = Binding { owner_id, secret_id, version, origin: &origin };
    ensure!(
        is_key_of(kek, &binding, &sealed),
        "this key-encryption key does not open the stored secrets; start with the one they were sealed by"
    );
    Ok(())
}

fn load_receipt_key(path: &Path) -> Result<SigningKey> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read the receipt key {}", path.display()))?;
    let seed: [u8; 32] = bytes.try_into().map_err(|bytes: Vec<u8>| {
        anyhow::anyhow!("{} holds {} bytes; a receipt key is exactly 32 raw bytes", path.display(), bytes.len())
    })?;
    Ok(SigningKey::from_bytes(&seed))
}

/// Makes the owner of `wallet`, if it is new, and a management key for it. The key is shown here and never again.
pub async fn bootstrap_owner(database_url: &str, wallet: &str, key_name: &str) -> Result<String> {
    ensure!(!wallet.is_empty() && !key_name.is_empty(), "a wallet and a name for the key are needed");
    let pool = db::connect(database_url, 1).await.context("cannot use the database")?;
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let key = Bearer::from_entropy(BearerKind::Management, &entropy);
    let key_id = KeyId::generate();
    let mut tx = pool.begin().await?;
    let owner_id = db::owner::ensure(&mut tx, wallet).await?;
    db::owner::insert_key(&mut tx, owner_id, key_id, &key.hash(), key_name).await?;
    let subject = Subject { owner_id, request_id: RequestId::generate(), lease_id: None };
    let facts = serde_json::json!({ "key_id": key_id, "name": key_name });
    db::audit::insert(&mut tx, &[&Entry::new(subject, EntryKind::KeyIssued, &facts)]).await?;
    tx.commit().await?;
    Ok(key.expose().to_owned())
}
