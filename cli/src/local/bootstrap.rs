//! The first state of a local chain: our program, test mints, the config, funds for everybody.
//!
//! Each step looks before it acts, so that on a chain that has it all the whole is one look. The program, SOL and its
//! price come through the local chain's cheat codes; mints, treasury, config and tokens by the very transactions a real
//! chain would see, the config signed by the program's upgrade authority.

use std::time::Duration;

use permitpipe_sdk::chain::{
    self as program, Bonds, ChainError, Fee, Limits, Oracle, Tier, Timing,
    instruction::{self as build, Mints},
};
use serde_json::{Value, json};
use solana_client::rpc_request::RpcRequest;
use solana_sdk::{
    account::Account,
    instruction::Instruction,
    program_error::ProgramError,
    pubkey::Pubkey,
    signer::{Signer, keypair::Keypair},
};
use solana_system_interface::instruction as system;
use spl_associated_token_account_interface::{
    address::get_associated_token_address, instruction::create_associated_token_account_idempotent,
};
#[allow(deprecated, reason = "the successor is the same code in a crate of another name")]
use spl_token::instruction as token;

use super::{keys::Keys, price};
use crate::{
    config,
    error::{Error, Explain},
    rpc::Rpc,
};

const LAMPORTS_PER_SOL: u64 = 1_000_000_000;
/// What each signer is given, and below which it is given more.
const SOL_GRANT: u64 = 100 * LAMPORTS_PER_SOL;
const SOL_FLOOR: u64 = 10 * LAMPORTS_PER_SOL;
/// What the wallet is given once: 1,000 test USDC.
const USDC_GRANT_ATOMS: u64 = 1_000_000_000;
/// What the wallet is given once: 10,000 test PERMIT.
const PERMIT_GRANT_ATOMS: u64 = 10_000 * PERMIT;
/// USDC has 6 decimals; PERMIT has as many.
const DECIMALS: u8 = 6;
/// One PERMIT.
const PERMIT: u64 = 1_000_000;
/// Bytes of a mint account of the classic token program.
const MINT_SIZE: u64 = 82;
/// The header of a ProgramData account; the ELF follows.
const PROGRAM_DATA_HEADER: usize = 45;
const ROLES: usize = 5;
/// Cool-down and warm-up, where the withdrawal delay is not even shorter.
const SHORT_SECONDS: i64 = 60;
/// What is settled can be looked at for a day.
const RETENTION_SECONDS: i64 = 86_400;

/// Limits that the config is initialized with, and then keeps.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// From the request of a withdrawal to its payment.
    pub withdrawal_delay_seconds: i64,
    /// Length of the window that an owner's cap counts in.
    pub window_seconds: i64,
}

/// Whether this chain has the local chain's cheat codes.
pub async fn is_local(rpc: &Rpc) -> bool {
    cheat(rpc, "surfnet_getSurfnetInfo", json!([])).await.is_ok()
}

/// Brings the chain to where vaults can be opened; returns what it had to do, in words.
pub async fn run(rpc: &Rpc, keys: &Keys, terms: Terms) -> Result<Vec<&'static str>, Error> {
    let mut done = Vec::new();
    let [wallet_usdc, wallet_permit] = [&keys.usdc_mint, &keys.permit_mint]
        .map(|mint| get_associated_token_address(&keys.wallet.pubkey(), &mint.pubkey()));
    if fund(rpc, keys).await? {
        done.push("SOL");
    }
    if write_program(rpc, &keys.admin.pubkey()).await? {
        done.push("program");
    }
    let addresses = [keys.usdc_mint.pubkey(), program::config_address(), wallet_usdc, wallet_permit];
    let [mint, config, usdc, permit] = rpc.find_accounts(addresses).await?;
    if mint.is_none() {
        create_mints(rpc, keys).await?;
        done.push("mints");
    }
    if config.is_none() {
        initialize_config(rpc, keys, terms).await?;
        done.push("config");
    }
    if usdc.is_none() {
        grant(rpc, keys, &keys.usdc_mint.pubkey(), USDC_GRANT_ATOMS).await?;
        done.push("1,000 test USDC");
    }
    if permit.is_none() {
        grant(rpc, keys, &keys.permit_mint.pubkey(), PERMIT_GRANT_ATOMS).await?;
        done.push("10,000 test PERMIT");
    }
    if price::write(rpc, keys).await? {
        done.push("price of SOL");
    }
    Ok(done)
}

/// Refuses a chain whose config another version of the program wrote: nothing here reads it, and this program cannot
/// go on from it. `chain` says where that chain is.
pub async fn refuse_other_version(rpc: &Rpc, chain: &str, advice: &str) -> Result<(), Error> {
    let config = rpc.find_account(&program::config_address()).await?;
    match config.map(|config| program::decode_config(&config.data)) {
        Some(Err(ChainError::UnknownVersion { .. } | ChainError::NotThatAccount { .. })) => {
            Err(Error::new(format!("{chain} was made by another version of the on-chain program")).advise(advice))
        }
        _ => Ok(()),
    }
}

/// SOL for fees and rent.
async fn fund(rpc: &Rpc, keys: &Keys) -> Result<bool, Error> {
    let roles: [Pubkey; ROLES] =
        [&keys.wallet, &keys.admin, &keys.guardian, &keys.settle, &keys.mint_authority].map(Keypair::pubkey);
    let accounts = rpc.find_accounts(roles).await?;
    let is_poor = |account: &Option<Account>| account.as_ref().is_none_or(|a| a.lamports < SOL_FLOOR);
    let poor: Vec<Pubkey> = roles.into_iter().zip(&accounts).filter(|(_, a)| is_poor(a)).map(|(key, _)| key).collect();
    for role in &poor {
        rpc.client().request_airdrop(role, SOL_GRANT).await.explain(|| "the local chain gave no SOL".into())?;
    }
    for role in &poor {
        wait_for_lamports(rpc, role).await?;
    }
    Ok(!poor.is_empty())
}

async fn wait_for_lamports(rpc: &Rpc, role: &Pubkey) -> Result<(), Error> {
    for _ in 0..200 {
        if rpc.find_account(role).await?.is_some_and(|account| account.lamports >= SOL_FLOOR) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Error::new("the local chain gave no SOL within 10 s").advise("see chain.log in the data folder"))
}

/// The program as a deployment would leave it: upgradeable, `authority` in charge. Another build replaces an older one.
async fn write_program(rpc: &Rpc, authority: &Pubkey) -> Result<bool, Error> {
    let path = config::find_program()?;
    let elf = std::fs::read(&path).explain(|| format!("cannot read {}", path.display()))?;
    let present = rpc.find_account(&program::program_data_address()).await?;
    let present_elf = present.as_ref().and_then(|account| account.data.get(PROGRAM_DATA_HEADER..)).unwrap_or_default();
    if present_elf.starts_with(&elf) {
        return Ok(false);
    }
    let program = program::PROGRAM_ID.to_string();
    let arguments = json!([program, hex::encode(&elf), 0, authority.to_string()]);
    cheat(rpc, "surfnet_writeProgram", arguments).await.explain(|| "cannot write the program".into())?;
    Ok(true)
}

/// Test USDC, test PERMIT, and the treasury that settlements pay.
async fn create_mints(rpc: &Rpc, keys: &Keys) -> Result<(), Error> {
    let rent = rpc.client().get_minimum_balance_for_rent_exemption(usize::try_from(MINT_SIZE).unwrap_or(0)).await;
    let rent = rent.explain(|| "cannot ask for the rent of a mint".into())?;
    let (admin, authority) = (keys.admin.pubkey(), keys.mint_authority.pubkey());
    let mut instructions = Vec::new();
    for mint in [keys.usdc_mint.pubkey(), keys.permit_mint.pubkey()] {
        instructions.push(system::create_account(&admin, &mint, rent, MINT_SIZE, &spl_token::ID));
        instructions.push(built(token::initialize_mint2(&spl_token::ID, &mint, &authority, None, DECIMALS))?);
    }
    for mint in [keys.usdc_mint.pubkey(), keys.permit_mint.pubkey()] {
        instructions.push(open_token_account(&admin, &admin, &mint));
    }
    rpc.send(&instructions, &[&keys.admin, &keys.usdc_mint, &keys.permit_mint]).await.map(drop)
}

async fn initialize_config(rpc: &Rpc, keys: &Keys, terms: Terms) -> Result<(), Error> {
    let admin = keys.admin.pubkey();
    let (usdc, permit) = (keys.usdc_mint.pubkey(), keys.permit_mint.pubkey());
    let mints = Mints {
        usdc,
        permit,
        treasury: get_associated_token_address(&admin, &usdc),
        sol_treasury: admin,
        insurance: get_associated_token_address(&admin, &permit),
    };
    let instruction = build::initialize_config(&admin, &mints, first_config(keys, terms));
    rpc.send(&[instruction], &[&keys.admin]).await.map(drop)
}

/// Everything small and short, so that on one machine it can all be tried in minutes.
fn first_config(keys: &Keys, terms: Terms) -> program::InitializeConfigArgs {
    let Terms { withdrawal_delay_seconds, window_seconds } = terms;
    let short = withdrawal_delay_seconds.min(SHORT_SECONDS);
    let tier = |permit: u64, discount_basis_points| Tier {
        min_weight_atoms: permit.saturating_mul(PERMIT),
        discount_basis_points,
    };
    program::InitializeConfigArgs {
        admin: keys.admin.pubkey(),
        guardian: keys.guardian.pubkey(),
        settle_authority: keys.settle.pubkey(),
        verifier: keys.admin.pubkey(),
        limits: Limits {
            settle_cap_atoms: u64::MAX,
            settle_cap_lamports: u64::MAX,
            min_deposit_atoms: 1,
            min_deposit_lamports: 1,
        },
        timing: Timing {
            window_seconds,
            withdrawal_delay_seconds,
            change_delay_seconds: withdrawal_delay_seconds,
            cool_down_seconds: short,
            warm_up_seconds: short,
            retention_seconds: RETENTION_SECONDS,
        },
        bonds: Bonds {
            relay_atoms: 1_000 * PERMIT,
            template_atoms: 100 * PERMIT,
            slash_basis_points: 10_000,
            reporter_basis_points: 2_500,
        },
        fee: Fee { request_credits: 0, mebibyte_credits: 0 },
        tiers: [tier(100, 500), tier(1_000, 1_000), tier(10_000, 2_000), Tier::default(), Tier::default()],
        oracle: Some(Oracle {
            account: keys.sol_price.pubkey(),
            feed_id: price::SOL_USD,
            max_age_seconds: 60,
            max_confidence_basis_points: 100,
        }),
    }
}

async fn grant(rpc: &Rpc, keys: &Keys, mint: &Pubkey, atoms: u64) -> Result<(), Error> {
    let (payer, wallet) = (keys.mint_authority.pubkey(), keys.wallet.pubkey());
    let account = get_associated_token_address(&wallet, mint);
    let open = open_token_account(&payer, &wallet, mint);
    let grant = built(token::mint_to(&spl_token::ID, mint, &account, &payer, &[], atoms))?;
    rpc.send(&[open, grant], &[&keys.mint_authority]).await.map(drop)
}

fn open_token_account(payer: &Pubkey, owner: &Pubkey, mint: &Pubkey) -> Instruction {
    create_associated_token_account_idempotent(payer, owner, mint, &spl_token::ID)
}

fn built(instruction: Result<Instruction, ProgramError>) -> Result<Instruction, Error> {
    instruction.explain(|| "cannot build a token instruction".into())
}

/// Asks the local chain for what no real one would do.
pub async fn cheat(
    rpc: &Rpc,
    method: &'static str,
    arguments: Value,
) -> Result<Value, solana_client::client_error::ClientError> {
    rpc.client().send(RpcRequest::Custom { method }, arguments).await
}
