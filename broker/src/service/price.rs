//! What a call costs the one who pays the provider.

use std::{collections::BTreeMap, sync::Arc};

use permitpipe_sdk::money::Credits;

/// Token prices are written for so many tokens.
pub const TOKENS_PER_PRICE: u64 = 1_000_000;

/// The price of an operation. There is no third kind: what has no price is refused.
#[derive(Debug, Clone)]
pub enum Price {
    /// The same for every call; zero only where the template says so.
    PerCall(Credits),
    /// By model and token.
    PerToken(Arc<ModelTable>),
}

/// The models that have a price, by their exact names.
#[derive(Debug, Clone, Default)]
pub struct ModelTable {
    models: BTreeMap<String, Arc<Model>>,
}

/// One model's prices in credits per 1,000,000 tokens, and its limits in tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Input that the provider had not seen before.
    pub input: Credits,
    /// Input that came from the provider's cache.
    pub cached_input: Credits,
    /// Output, thinking included.
    pub output: Credits,
    /// The most input one call can have.
    pub context_tokens: u64,
    /// The most output one call can have; zero for models that only read.
    pub max_output_tokens: u64,
    /// The output allowed when the client names no limit.
    pub default_max_output_tokens: u64,
    /// Whether it produces output that the stream does not show.
    pub is_reasoning: bool,
}

impl ModelTable {
    /// Adds a model; false if the name was there.
    pub fn insert(&mut self, name: String, model: Arc<Model>) -> bool {
        self.models.insert(name, model).is_none()
    }

    /// The model of exactly that name.
    pub fn find(&self, name: &str) -> Option<&Arc<Model>> {
        self.models.get(name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.models.keys().map(String::as_str)
    }

    /// Whether nothing has a price.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }
}
