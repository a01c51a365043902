//! What every request and task shares: the pool, the train, the node, the keys. Built once, at start.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, PoisonError, RwLock},
};

use ed25519_dalek::SigningKey;
use permitpipe_sdk::id::OwnerId;
use sqlx::PgPool;

use crate::{
    authenticate::Lease,
    authorize::CurrentPolicy,
    config::Config,
    forward::{PrivateOrigins, UpstreamClient},
    node::Node,
    secret::KeyEncryptionKey,
    service::Catalog,
    spawn::Spawner,
    train::{Counters, Train},
};

/// A cheap handle to everything shared.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// See [`App`].
pub struct Shared {
    /// Settings.
    pub config: Config,
    /// The base that agents are told, such as `http://127.0.0.1:8400`.
    pub public_url: String,
    /// Postgres, in our role.
    pub pool: PgPool,
    /// The only way to a hold.
    pub train: Train,
    /// What the train did.
    pub counters: Arc<Counters>,
    /// This process among others.
    pub node: Arc<Node>,
    /// Built-in services.
    pub catalog: Catalog,
    /// The only thing that dials an upstream.
    pub upstream: UpstreamClient,
    /// Origins that need not be public.
    pub private_origins: PrivateOrigins,
    /// Opens secrets.
    pub kek: KeyEncryptionKey,
    /// Signs receipts.
    pub receipt_key: SigningKey,
    /// Work that must come to its end.
    pub spawner: Spawner,
    /// Leases and policies as of the current epoch.
    pub cache: Cache,
}

impl App {
    /// Wraps what start-up has put together.
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// More entries than this are dropped at once; they are read again.
const MOST: usize = 100_000;

/// What does not change while the epoch stands. Nothing in here decides about money or about whether a lease lives:
/// that is read from its row, under lock, for every hold.
#[derive(Default)]
pub struct Cache {
    leases: RwLock<HashMap<[u8; 32], Arc<Lease>>>,
    policies: RwLock<HashMap<OwnerId, Arc<CurrentPolicy>>>,
}

impl Cache {
    /// Forgets everything: the epoch has moved.
    pub fn clear(&self) {
        self.leases.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.policies.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The lease that a bearer with this hash opens.
    pub fn lease(&self, hash: &[u8; 32]) -> Option<Arc<Lease>> {
        self.leases.read().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }

    /// Keeps a lease.
    pub fn keep_lease(&self, hash: [u8; 32], lease: Arc<Lease>) {
        keep(&self.leases, hash, lease);
    }

    /// An owner's current policy.
    pub fn policy(&self, owner_id: OwnerId) -> Option<Arc<CurrentPolicy>> {
        self.policies.read().unwrap_or_else(PoisonError::into_inner).get(&owner_id).cloned()
    }

    /// Keeps a policy.
    pub fn keep_policy(&self, owner_id: OwnerId, policy: Arc<CurrentPolicy>) {
        keep(&self.policies, owner_id, policy);
    }
}

fn keep<K: std::hash::Hash + Eq, V>(map: &RwLock<HashMap<K, V>>, key: K, value: V) {
    let mut map = map.write().unwrap_or_else(PoisonError::into_inner);
    if map.len() >= MOST {
        map.clear();
    }
    map.insert(key, value);
}
