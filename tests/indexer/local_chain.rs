//! The indexer on a real chain running our real program: one account of almost every kind.
//!
//! Needs both built: named by `PERMITPIPE_LOCALCHAIN` and `PERMITPIPE_PROGRAM_SO`, or in the build cache. Says so where
//! one is missing, and fails then if `PERMITPIPE_REQUIRE_BUILT` is set.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use permitpipe_sdk::chain::{
    Asset, Bonds, Config, CreatePlanArgs, Fee, InitializeConfigArgs, Limits, OpenAnchorArgs, Oracle, PROGRAM_ID,
    SettleArgs, Timing, config_address, decode_config,
    instruction::{self, Mints},
};
use serde_json::{Value, json};
use solana_client::{nonblocking::rpc_client::RpcClient, rpc_request::RpcRequest};
use solana_sdk::{
    instruction::Instruction,
    pubkey::Pubkey,
    signer::{Signer, keypair::Keypair},
    transaction::Transaction,
};
use sqlx::AssertSqlSafe;

use crate::mirror::Mirror;

struct LocalChain {
    process: Child,
    rpc: RpcClient,
    rpc_url: String,
    ws_url: String,
}

impl Drop for LocalChain {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl LocalChain {
    fn start(binary: &Path) -> Self {
        let (rpc, ws) = (free_port(), free_port());
        let mut process = Command::new(binary)
            .args(["--rpc", &rpc.to_string(), "--ws", &ws.to_string(), "--slot-ms", "50"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.is_ok_and(|line| line.starts_with("ready"))), "the local chain did not start");
        let (rpc_url, ws_url) = (format!("http://127.0.0.1:{rpc}"), format!("ws://127.0.0.1:{ws}"));
        Self { process, rpc: RpcClient::new(rpc_url.clone()), rpc_url, ws_url }
    }

    async fn cheat(&self, method: &'static str, arguments: Value) {
        let _: Value = self.rpc.send(RpcRequest::Custom { method }, arguments).await.unwrap();
    }

    async fn fund(&self, wallet: Pubkey) {
        self.cheat("surfnet_setAccount", json!([wallet.to_string(), { "lamports": 10_000_000_000_u64 }])).await;
    }

    async fn set_token_program_account(&self, address: Pubkey, data: &[u8]) {
        let owner = spl_token::ID.to_string();
        let account = json!({ "lamports": 10_000_000, "owner": owner, "data": hex::encode(data), "executable": false });
        self.cheat("surfnet_setAccount", json!([address.to_string(), account])).await;
    }

    async fn send(&self, instruction: Instruction, signers: &[&Keypair]) {
        let hash = self.rpc.get_latest_blockhash().await.unwrap();
        let payer = signers[0].pubkey();
        let transaction = Transaction::new_signed_with_payer(&[instruction], Some(&payer), signers, hash);
        self.rpc.send_transaction(&transaction).await.unwrap();
    }
}

/// A chain with our program and its config, an owner with USDC and PERMIT, and a mirror of it.
struct Stage {
    chain: LocalChain,
    mirror: Mirror,
    config: Config,
    admin: Keypair,
    owner: Keypair,
    /// The owner's USDC and PERMIT.
    purse: Pubkey,
    stock: Pubkey,
}

const FINAL: &str = "SELECT count(*) FROM chain.events WHERE commitment = 'finalized'";

#[tokio::test]
async fn what_a_real_chain_shows_arrives_at_finality_and_agrees_with_the_accounts() {
    let binary = find("PERMITPIPE_LOCALCHAIN", "localchain/release/permitpipe-localchain");
    let program = find("PERMITPIPE_PROGRAM_SO", "target/deploy/permitpipe_program.so");
    let (Some(binary), Some(program)) = (&binary, &program) else {
        println!("not run: local chain {binary:?}, program {program:?}");
        assert!(std::env::var_os("PERMITPIPE_REQUIRE_BUILT").is_none(), "both have to be built");
        return;
    };
    let chain = LocalChain::start(binary);
    let mirror = Mirror::at(&chain.rpc_url, &chain.ws_url, "local_chain").await;
    let indexer = mirror.start();
    let stage = Stage::set(chain, mirror, program).await;
    stage.use_a_vault().await;
    stage.open_all_else().await;
    stage.open_a_vault_twice().await;
    let mirror = &stage.mirror;
    let slot: i64 = mirror.one("SELECT finalized_slot FROM chain.cursor").await;
    mirror.until("SELECT finalized_slot FROM chain.cursor", |now: &i64| *now > slot + 80, "80 slots more").await;
    for table in ["vaults", "stakes", "relays", "templates", "plans", "subscriptions", "anchors"] {
        let query = format!("SELECT bool_and(NOT is_frozen AND is_open) FROM chain.{table}");
        let sound: Option<bool> = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mirror.pool).await.unwrap();
        assert_eq!(sound, Some(true), "{table}: {:#?}", mirror.tables().await);
    }
    indexer.stop().await;
}

impl Stage {
    async fn set(chain: LocalChain, mirror: Mirror, program: &Path) -> Self {
        let (admin, owner) = (Keypair::new(), Keypair::new());
        let [usdc, permit, treasury, insurance, purse, stock] = std::array::from_fn(|_| address());
        for role in [&admin, &owner] {
            chain.fund(role.pubkey()).await;
        }
        let elf = hex::encode(std::fs::read(program).unwrap());
        chain.cheat("surfnet_writeProgram", json!([PROGRAM_ID.to_string(), elf, 0, admin.pubkey().to_string()])).await;
        for mint in [usdc, permit] {
            chain.set_token_program_account(mint, &mint_data(admin.pubkey())).await;
        }
        chain.set_token_program_account(treasury, &token_data(usdc, admin.pubkey(), 0)).await;
        chain.set_token_program_account(purse, &token_data(usdc, owner.pubkey(), 9_000_000)).await;
        chain.set_token_program_account(insurance, &token_data(permit, admin.pubkey(), 0)).await;
        chain.set_token_program_account(stock, &token_data(permit, owner.pubkey(), 900)).await;
        let mints = Mints { usdc, permit, treasury, sol_treasury: admin.pubkey(), insurance };
        chain.send(instruction::initialize_config(&admin.pubkey(), &mints, terms(admin.pubkey())), &[&admin]).await;
        mirror.wait("SELECT count(*) FROM chain.config", 1_i64).await;
        let config = decode_config(&chain.rpc.get_account_data(&config_address()).await.unwrap()).unwrap();
        Self { chain, mirror, config, admin, owner, purse, stock }
    }

    /// Both assets come in; USDC is settled, and asked for.
    async fn use_a_vault(&self) {
        let Self { chain, mirror, config, admin, owner, purse, .. } = self;
        let known = "SELECT count(*) FROM chain.events";
        chain.send(instruction::open_vault(config, &owner.pubkey(), 2_000_000, 5), &[owner]).await;
        mirror.wait(known, 2_i64).await;
        chain.send(instruction::deposit_usdc(config, &owner.pubkey(), purse, 5_000_000), &[owner]).await;
        mirror.wait(known, 3_i64).await;
        let credited = "SELECT count(*) FROM chain.vaults WHERE credited_atoms > 0";
        assert_eq!(mirror.one::<i64>(credited).await, 0, "not final yet");
        mirror.wait("SELECT credited_atoms FROM chain.vaults", 5_000_000_i64).await;
        chain.send(instruction::deposit_sol(&owner.pubkey(), 7_000), &[owner]).await;
        mirror.wait("SELECT sol_credited_atoms FROM chain.vaults", 7_000_i64).await;

        let sequence = mirror.one::<i64>("SELECT settle_sequence + 1 FROM chain.vaults").await as u64;
        let settle = SettleArgs { sequence, amount_atoms: 1_500_000, receipt_count: 2, receipts_root: [5; 32] };
        chain.send(instruction::settle(config, &owner.pubkey(), &admin.pubkey(), settle), &[admin]).await;
        mirror.wait("SELECT amount_atoms FROM chain.settlements", 1_500_000_i64).await;
        chain.send(instruction::request_withdrawal(&owner.pubkey(), Asset::Usdc, 3_500_000), &[owner]).await;
        chain.send(instruction::set_cap(&owner.pubkey(), Asset::Usdc, 1_000), &[owner]).await;
        mirror.wait("SELECT coalesce(withdrawal_atoms, 0) FROM chain.vaults", 3_500_000_i64).await;
        mirror.wait("SELECT coalesce(pending_cap_atoms, 0) FROM chain.vaults", 1_000_i64).await;
        mirror.wait(FINAL, 7_i64).await;
    }

    /// One account of each other kind but an epoch.
    async fn open_all_else(&self) {
        let Self { chain, mirror, config, admin, owner, purse, stock } = self;
        chain.send(instruction::open_stake(config, &owner.pubkey(), &owner.pubkey()), &[owner]).await;
        chain.send(instruction::add_stake(config, &owner.pubkey(), stock, 800), &[owner]).await;
        let key = Keypair::new();
        let register = instruction::register_relay(&owner.pubkey(), &key.pubkey(), "https://relay.example");
        chain.send(register, &[owner, &key]).await;
        let plan = CreatePlanArgs { number: 1, price_atoms: 500_000, period_seconds: 3_600, request_limit: 10 };
        chain.send(instruction::create_plan(&admin.pubkey(), plan), &[admin]).await;
        chain.send(instruction::subscribe(config, &owner.pubkey(), purse, 1, 2), &[owner]).await;
        chain.send(instruction::publish_template(config, &owner.pubkey(), stock, [8; 32]), &[owner]).await;
        let log = OpenAnchorArgs { log: [3; 32], size: 5, root: [4; 32] };
        chain.send(instruction::open_anchor(config, &admin.pubkey(), log), &[admin]).await;
        mirror.wait(FINAL, 15_i64).await;
        mirror.wait("SELECT bonded_atoms FROM chain.stakes WHERE staked_atoms = 800", 300_i64).await;
        mirror.wait("SELECT paid_atoms FROM chain.subscriptions", 1_000_000_i64).await;
    }

    /// Opened, closed and opened again, each seen at finality.
    async fn open_a_vault_twice(&self) {
        let Self { chain, mirror, config, .. } = self;
        let (owner, purse) = (Keypair::new(), address());
        chain.fund(owner.pubkey()).await;
        chain.set_token_program_account(purse, &token_data(config.usdc_mint, owner.pubkey(), 0)).await;
        chain.send(instruction::open_vault(config, &owner.pubkey(), 1, 1), &[&owner]).await;
        mirror.wait("SELECT count(*) FROM chain.vaults", 2_i64).await;
        chain.send(instruction::close_vault(config, &owner.pubkey(), &purse), &[&owner]).await;
        mirror.wait("SELECT count(*) FROM chain.vaults WHERE is_open", 1_i64).await;
        chain.send(instruction::open_vault(config, &owner.pubkey(), 2, 2), &[&owner]).await;
        mirror.wait("SELECT count(*) FROM chain.vaults WHERE is_open", 2_i64).await;
        mirror
            .wait("SELECT count(*) FROM chain.vaults WHERE cap_atoms = 2 AND event_seq = settle_sequence + 1", 1_i64)
            .await;
    }
}

/// Short delays, small bonds, and a price account that nobody reads here.
fn terms(admin: Pubkey) -> InitializeConfigArgs {
    InitializeConfigArgs {
        admin,
        guardian: address(),
        settle_authority: admin,
        verifier: address(),
        limits: Limits {
            settle_cap_atoms: 1_000_000_000,
            settle_cap_lamports: 1_000_000_000,
            min_deposit_atoms: 1,
            min_deposit_lamports: 1,
        },
        timing: Timing {
            window_seconds: 60,
            withdrawal_delay_seconds: 60,
            change_delay_seconds: 60,
            cool_down_seconds: 60,
            warm_up_seconds: 60,
            retention_seconds: 60,
        },
        bonds: Bonds { relay_atoms: 300, template_atoms: 50, slash_basis_points: 5_000, reporter_basis_points: 1_000 },
        fee: Fee { request_credits: 1, mebibyte_credits: 1 },
        tiers: Default::default(),
        oracle: Some(Oracle {
            account: address(),
            feed_id: [1; 32],
            max_age_seconds: 60,
            max_confidence_basis_points: 100,
        }),
    }
}

fn find(variable: &str, in_cache: &str) -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cached = || folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    folder(variable).or_else(|| Some(cached()?.join("permitpipe").join(in_cache))).filter(|path| path.is_file())
}

fn address() -> Pubkey {
    Keypair::new().pubkey()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A mint as the token program lays it out: authority, supply, decimals, initialized, no freeze authority.
fn mint_data(authority: Pubkey) -> Vec<u8> {
    let (supply, decimals) = (1_000_000_000_u64, 6);
    [&[1, 0, 0, 0], authority.as_ref(), &supply.to_le_bytes(), &[decimals, 1], &[0; 36]].concat()
}

/// A token account: mint, owner, amount, no delegate, initialized, nothing else.
fn token_data(mint: Pubkey, owner: Pubkey, amount: u64) -> Vec<u8> {
    [mint.as_ref(), owner.as_ref(), &amount.to_le_bytes(), &[0; 36], &[1], &[0; 12], &[0; 8], &[0; 36]].concat()
}
