//! What `permitpipe up` arranges once its children run: the chain's first state, the owner of the local wallet, and
//! the profile by which the other verbs find all of it.

use permitpipe_sdk::{
    chain::{Config, PROGRAM_ID},
    error::ClientError,
};
use solana_sdk::{pubkey::Pubkey, signer::Signer};

use super::{
    bootstrap::{self, Terms},
    keys::{self, Keys},
    machine::Machine,
};
use crate::{clock::Stopwatch, config::Folder, error::Error, file, profile::Profile, rpc::Rpc, verb::up::Progress};

/// What the owner of the local wallet begins with.
const FIRST_POLICY: &str = include_str!("first.policy.yaml");

/// What is on the chain.
pub struct Installed {
    /// The local wallet.
    pub wallet: Pubkey,
    /// What vaults hold.
    pub usdc_mint: Pubkey,
    /// From the request of a withdrawal to its payment.
    pub withdrawal_delay_seconds: i64,
    /// Whether the settle key in our folder is the one the config names.
    pub can_settle: bool,
}

/// Makes sure that the chain has our program and its config; on a local chain also of everything else.
pub async fn chain(folder: &Folder, machine: &Machine, terms: Terms, progress: &Progress) -> Result<Installed, Error> {
    let watch = Stopwatch::start();
    let (keys, rpc) = (Keys::load_or_create(folder)?, Rpc::new(machine.rpc_url()));
    if machine.has_own_chain() || bootstrap::is_local(&rpc).await {
        let (what, advice) = other_version(folder, machine);
        bootstrap::refuse_other_version(&rpc, &what, &advice).await?;
        let done = bootstrap::run(&rpc, &keys, terms).await?;
        let what = if done.is_empty() { "everything is there".into() } else { done.join(", ") };
        progress.say("program", &format!("{what}, in {watch}"));
    }
    let config = rpc.config().await?;
    if config.timing.withdrawal_delay_seconds != terms.withdrawal_delay_seconds {
        let fixed = config.timing.withdrawal_delay_seconds;
        progress.say("program", &format!("the withdrawal delay of this chain is {fixed} s and stays so"));
    }
    let can_settle = config.settle_authority == keys.settle.pubkey();
    if !can_settle {
        progress
            .say("program", &format!("another key settles here: {}; this broker does not", config.settle_authority));
    }
    let Config { usdc_mint, timing, .. } = config;
    Ok(Installed {
        wallet: keys.wallet.pubkey(),
        usdc_mint,
        withdrawal_delay_seconds: timing.withdrawal_delay_seconds,
        can_settle,
    })
}

/// What to say of a local chain that this version cannot go on from. Its Postgres tells of that chain, so both go.
fn other_version(folder: &Folder, machine: &Machine) -> (String, String) {
    if machine.has_own_chain() {
        let path = folder.path().display();
        let advice =
            format!("start afresh: move {path} away and store its secrets anew, or name another folder: --data DIR");
        return (format!("the local chain in {path}"), advice);
    }
    (format!("the local chain at {}", machine.rpc_url()), "start that chain anew, with a new database".into())
}

/// Writes the profile, with a management key that the broker knows.
pub async fn profile(
    folder: &Folder,
    machine: &Machine,
    installed: &Installed,
    url: &str,
    progress: &Progress,
) -> Result<Profile, Error> {
    let mut profile = Profile {
        url: url.to_owned(),
        management_key: Profile::find(folder)?.map(|known| known.management_key).unwrap_or_default(),
        wallet: keys::wallet_path(folder),
        rpc_url: machine.rpc_url().to_owned(),
        program_id: PROGRAM_ID.to_string(),
        usdc_mint: installed.usdc_mint.to_string(),
    };
    if !is_known(&profile).await? {
        let (database, wallet) = (machine.database_url(), installed.wallet.to_string());
        let made = permitpipe_broker::bootstrap_owner(database, &wallet, "up").await;
        profile.management_key =
            made.map_err(|e| Error::new(format!("cannot create the owner of the local wallet: {e:#}")))?;
        progress.say("owner", &format!("{wallet}, with a management key in {}", folder.profile().display()));
    }
    profile.save(folder)?;
    apply_first_policy(folder, &profile, progress).await?;
    Ok(profile)
}

/// Without a policy everything is refused. The file is its owner's to change; where there is one, nothing happens.
async fn apply_first_policy(folder: &Folder, profile: &Profile, progress: &Progress) -> Result<(), Error> {
    let path = folder.policy();
    if path.exists() {
        return Ok(());
    }
    profile.client().apply_policy(FIRST_POLICY).await?;
    file::write_private(&path, FIRST_POLICY.as_bytes())?;
    progress.say("policy", &format!("a first one; change {}", path.display()));
    Ok(())
}

/// Whether the broker takes the management key; it does not when the database is a new one.
async fn is_known(profile: &Profile) -> Result<bool, Error> {
    if profile.management_key.is_empty() {
        return Ok(false);
    }
    match profile.client().account().await {
        Ok(_) => Ok(true),
        Err(ClientError::Refused(refusal)) if refusal.status == 401 => Ok(false),
        Err(error) => Err(error.into()),
    }
}
