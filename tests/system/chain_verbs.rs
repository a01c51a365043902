//! The owner's verbs that need the chain alone, through the real binary against the real program: SOL, stake, tiers,
//! relay, template, plan.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use permitpipe_sdk::chain::{self, Config, PublishEpochArgs, SettleSolArgs, Statement, instruction};
use permitpipe_tests::system::{cli::Cli, port, process::Process, program, until};
use serde_json::{Value, json};
use solana_client::{nonblocking::rpc_client::RpcClient, rpc_request::RpcRequest};
use solana_commitment_config::CommitmentConfig;
use solana_sdk::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
    signature::{Keypair, read_keypair_file},
    signer::Signer,
    transaction::Transaction,
};
use tempfile::TempDir;

use crate::world::PATIENCE;

/// Withdrawals, cool-down and warm-up: long enough to be seen by the verb right after, short enough to be waited for.
const DELAY_SECONDS: &str = "5";
const PERMIT: u64 = 1_000_000;
const ASSOCIATED_TOKEN_PROGRAM: Pubkey = Pubkey::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");

/// `permitpipe up` on new data.
struct Installation {
    cli: Cli,
    rpc: RpcClient,
    up: Process,
    /// The broker's; the chain's are the two above.
    first_port: u16,
    folder: TempDir,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_reaches_all_of_the_program_by_the_command_line() {
    let missing = [program::permitpipe(), program::localchain(), program::on_chain()].into_iter().find_map(Result::err);
    if let Some(missing) = missing {
        println!("not run: {missing}");
        assert!(std::env::var_os("PERMITPIPE_REQUIRE_BUILT").is_none(), "{missing}");
        return;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let installation = Installation::start().await;
    price(&installation).await;
    vault(&installation).await;
    stake(&installation).await;
    template(&installation).await;
    plan(&installation).await;
    relay(&installation).await;
    reward(&installation).await;
    contradiction(&installation).await;
    other_version(installation).await;
}

/// The program takes the price that `up` wrote: 150 USD, and 5 cents more in favour of the owner.
async fn price(on: &Installation) {
    let (owner, settle, config) = (Keypair::new(), on.key("settle"), on.config().await);
    on.rpc.request_airdrop(&owner.pubkey(), 1_000_000_000).await.unwrap();
    until("the airdrop is there", PATIENCE, || async {
        Ok((on.rpc.get_balance(&owner.pubkey()).await? > 0).then_some(()))
    })
    .await
    .unwrap();
    let open = instruction::open_vault(&config, &owner.pubkey(), 0, 1_000_000_000);
    on.send(&[open, instruction::deposit_sol(&owner.pubkey(), 500_000_000)], &owner).await;
    let address = chain::vault_address(&owner.pubkey());
    let vault = || async { chain::decode_vault(&on.rpc.get_account_data(&address).await.unwrap()).unwrap() };
    let args = SettleSolArgs {
        sequence: vault().await.settle_sequence + 1,
        charge_credits: 1_500_000,
        held_lamports: 400_000_000,
        receipt_count: 1,
        receipts_root: [0; 32],
    };
    on.send(&[instruction::settle_sol(&config, &owner.pubkey(), &settle.pubkey(), args)], &settle).await;
    assert_eq!(vault().await.sol.settled_atoms, 9_996_667, "1.50 USD at 150.05 USD a SOL, rounded down");
}

/// SOL goes in, is limited, comes out again; USDC beside it stays.
async fn vault(on: &Installation) {
    on.refused(&["vault", "cap"], "has no vault").await;
    let answer = on.json(&["topup", "5", "--no-wait"]).await;
    assert_eq!((&answer["stage"], &answer["amount_atoms"]), (&json!("confirmed"), &json!(5_000_000)));
    let answer = on.json(&["topup", "0.5", "--asset", "sol", "--cap", "2"]).await;
    assert_eq!((&answer["stage"], &answer["asset"]), (&json!("finalized"), &json!("sol")));
    let on_chain = on.json(&["balance"]).await["on_chain"].clone();
    assert_eq!(on_chain["usdc"]["balance_atoms"], 5_000_000);
    assert_eq!(on_chain["sol"]["balance_atoms"], 500_000_000);
    let caps = on.json(&["vault", "cap"]).await;
    assert_eq!((&caps["usdc"]["cap_atoms"], &caps["sol"]["cap_atoms"]), (&json!(1_000_000_000), &json!(2_000_000_000)));
    assert_eq!(on.json(&["vault", "cap", "3", "--asset", "sol"]).await["effective_at"], Value::Null, "a raise");
    assert!(on.json(&["vault", "cap", "1", "--asset", "sol"]).await["effective_at"].is_i64(), "a cut");
    on.refused(&["topup", "1000000", "--asset", "sol"], "SOL").await;
    on.refused(&["topup", "1", "--asset", "sol", "--cap", "1"], "vault cap").await;
    on.refused(&["withdraw", "0.6", "--asset", "sol"], "holds 0.500000000 SOL").await;
    let requested = on.json(&["withdraw", "0.2", "--asset", "sol"]).await;
    assert_eq!((&requested["stage"], &requested["amount_atoms"]), (&json!("requested"), &json!(200_000_000)));
    on.refused(&["withdraw", "--execute", "--asset", "sol"], "delay is not over").await;
    let paid = on.json(&["withdraw", "--wait", "--asset", "sol"]).await;
    assert_eq!((&paid["stage"], &paid["amount_atoms"]), (&json!("paid"), &json!(200_000_000)));
    on.refused(&["withdraw", "--cancel"], "no withdrawal is requested").await;
    on.refused(&["vault", "close"], "still holds 5.000000 USD").await;
    for asset in ["usdc", "sol"] {
        on.json(&["withdraw", "all", "--wait", "--asset", asset]).await;
    }
    assert_eq!(on.json(&["vault", "close"]).await["stage"], "closed");
    assert_eq!(on.json(&["balance"]).await["on_chain"]["sol"], Value::Null);
}

/// PERMIT goes in, weighs, comes out again.
async fn stake(on: &Installation) {
    on.refused(&["stake"], "has no stake").await;
    on.refused(&["stake", "20000"], "holds 10000.000000 PERMIT").await;
    let tier = on.json(&["tier"]).await;
    assert_eq!((&tier["weight_atoms"], &tier["missing_atoms"]), (&json!(0), &json!(100 * PERMIT)));
    let staked = on.json(&["stake", "150.5"]).await;
    assert_eq!((&staked["stage"], &staked["staked_atoms"]), (&json!("staked"), &json!(150_500_000)));
    assert_eq!(staked["beneficiary"], staked["owner"]);
    on.refused(&["unstake", "151"], "150.500000 PERMIT can be unstaked").await;
    let requested = on.json(&["unstake", "50.5"]).await;
    assert_eq!((&requested["stage"], &requested["amount_atoms"]), (&json!("requested"), &json!(50_500_000)));
    on.refused(&["unstake", "--claim"], "cool-down is not over").await;
    assert_eq!(on.json(&["stake", "show"]).await["unlocking"]["amount_atoms"], 50_500_000);
    assert_eq!(on.json(&["unstake", "--cancel"]).await["stage"], "cancelled");
    let paid = on.json(&["unstake", "50.5", "--wait"]).await;
    assert_eq!((&paid["stage"], &paid["amount_atoms"]), (&json!("paid"), &json!(50_500_000)));
    // The cool-down was as long as the warm-up: what is left weighs all it can.
    let tier = on.json(&["tier"]).await;
    assert_eq!((&tier["weight_atoms"], &tier["discount_basis_points"]), (&json!(100 * PERMIT), &json!(500)));
    assert_eq!(tier["missing_atoms"], 900 * PERMIT);
    let other = Pubkey::new_from_array([9; 32]).to_string();
    let assigned = on.json(&["stake", "--for", &other]).await;
    assert_eq!((&assigned["stage"], &assigned["beneficiary"]), (&json!("assigned"), &json!(other)));
    on.refused(&["stake", "close"], "still holds 100.000000 PERMIT").await;
    on.json(&["unstake", "all", "--wait"]).await;
    assert_eq!(on.json(&["stake", "close"]).await["stage"], "closed");
}

/// A file is vouched for, accused, acquitted; its bond comes back. Another one is revoked.
async fn template(on: &Installation) {
    let (good, bad) = (on.write("good.yaml", "name: good\n"), on.write("bad.yaml", "name: bad\n"));
    on.refused(&["template", "show", &good], "no template").await;
    let published = on.json(&["template", "publish", &good]).await;
    assert_eq!((&published["status"], &published["bond_atoms"]), (&json!("published"), &json!(100 * PERMIT)));
    let hash = published["hash"].as_str().unwrap().to_owned();
    assert_eq!(on.json(&["template", "verify", &hash]).await["status"], "verified");
    on.refused(&["template", "verify", &hash], "status does not allow this").await;
    assert!(on.json(&["template", "accuse", &good]).await["accused_until"].is_i64());
    on.refused(&["template", "revoke", &good], "still in its delay").await;
    let acquitted = on.json(&["template", "acquit", &good]).await;
    assert_eq!((&acquitted["accused_until"], &acquitted["status"]), (&Value::Null, &json!("published")));
    on.json(&["template", "publish", &bad]).await;
    on.json(&["template", "accuse", &bad]).await;
    on.refused(&["template", "reclaim", &good], "the template is published").await;
    assert_eq!(on.json(&["template", "retire", &good]).await["status"], "retiring");
    on.refused(&["template", "reclaim", &good], "retired too recently").await;
    on.pass_delay().await;
    assert_eq!(on.json(&["template", "reclaim", &good]).await["stage"], "reclaimed");
    assert_eq!(on.json(&["template", "revoke", &bad]).await["status"], "revoked");
    on.refused(&["template", "publish", &bad], "published already").await;
}

/// The admin sells, the wallet buys and buys more.
async fn plan(on: &Installation) {
    on.refused(&["plan", "buy", "1"], "no plan 1").await;
    let created = on.json(&["plan", "create", "--price", "5", "--period", "30d", "--requests", "1000"]).await;
    assert_eq!((&created["number"], &created["price_atoms"]), (&json!(1), &json!(5_000_000)));
    on.json(&["plan", "create", "--price", "0.25", "--period", "1m"]).await;
    let plans = on.json(&["plan", "list"]).await["plans"].clone();
    assert_eq!((&plans[0]["period_seconds"], &plans[1]["request_limit"]), (&json!(2_592_000), &json!(0)));
    let bought = on.json(&["plan", "buy", "1", "--periods", "2"]).await;
    assert_eq!((&bought["stage"], &bought["paid_atoms"]), (&json!("bought"), &json!(10_000_000)));
    on.refused(&["plan", "buy", "2"], "one plan at a time").await;
    on.refused(&["plan", "extend", "--periods", "13"], "more than 366 days").await;
    assert_eq!(on.json(&["plan", "extend"]).await["paid_atoms"], 15_000_000);
    let shown = on.json(&["plan", "show"]).await;
    assert_eq!((&shown["plan"], &shown["is_running"]), (&json!(1), &json!(true)));
    assert!(on.json(&["plan", "retire", "2"]).await["retired_at"].is_i64());
    on.refused(&["plan", "close", "2"], "kept until").await;
    on.refused(&["plan", "end"], "runs until").await;
}

/// A relay lives: registered, moved, with another key, retired, closed, registered again.
async fn relay(on: &Installation) {
    let register = ["relay", "register", "--endpoint", "https://relay.example", "--new-key"];
    on.refused(&register, "has staked 0.000000 PERMIT").await;
    on.json(&["stake", "1200"]).await;
    let registered = on.json(&register).await;
    assert_eq!((&registered["stage"], &registered["bond_atoms"]), (&json!("registered"), &json!(1_000 * PERMIT)));
    let mode = fs::metadata(registered["key_file"].as_str().unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    on.refused(&["relay", "rotate-key", "--new-key"], "changed too recently").await;
    on.refused(&register, "has a relay already").await;
    on.refused(&["unstake", "201"], "200.000000 PERMIT can be unstaked").await;
    on.refused(&["relay", "update", "--endpoint", "http://relay.example"], "https://").await;
    on.json(&["relay", "update", "--endpoint", "wss://relay.example"]).await;
    on.pass_delay().await;
    assert_eq!(on.json(&["relay", "rotate-key", "--new-key"]).await["previous_key"], registered["key"]);
    on.refused(&["relay", "close"], "in service").await;
    assert_eq!(on.json(&["relay", "retire"]).await["stage"], "retired");
    on.refused(&["relay", "close"], "retired too recently").await;
    on.refused(&["relay", "update", "--endpoint", "wss://relay.example"], "is retired").await;
    on.pass_delay().await;
    assert_eq!(on.json(&["relay", "close"]).await["stage"], "closed");
    on.json(&register).await;
    let shown = on.json(&["relay", "show"]).await;
    assert_eq!((&shown["endpoint"], &shown["slash_count"]), (&json!("https://relay.example"), &json!(0)));
}

/// An epoch pays the relay what its leaf says, once.
async fn reward(on: &Installation) {
    let (wallet, settle) = (on.key("wallet"), on.key("settle"));
    let relay = chain::relay_address(&wallet.pubkey());
    let config = on.config().await;
    on.fund(&config, &wallet, &settle.pubkey(), 700_000).await;
    let leaves = [chain::reward_leaf(1, 0, &relay, (500_000, 7)), chain::reward_leaf(1, 1, &relay, (200_000, 1))];
    let root = chain::merkle::node(&leaves[0], &leaves[1]);
    let args = PublishEpochArgs { number: 1, root, leaf_count: 2, total_atoms: 700_000 };
    let funding = associated(&settle.pubkey(), &config.usdc_mint);
    on.send(&[instruction::publish_epoch(&config, &settle.pubkey(), &funding, args)], &settle).await;
    let claim = json!({ "index": 0, "amount_atoms": 500_000, "receipt_count": 7, "proof": [hex::encode(leaves[1])] });
    let wrong = on.write("wrong.json", &claim.to_string().replace("500000", "500001"));
    let claim = on.write("claim.json", &claim.to_string());
    on.refused(&["relay", "claim", "--epoch", "2", "--claim", &claim], "no epoch 2").await;
    on.refused(&["relay", "claim", "--epoch", "1", "--claim", &wrong], "does not lead to the root").await;
    assert_eq!(on.json(&["relay", "claim", "--epoch", "1", "--claim", &claim]).await["amount_atoms"], 500_000);
    on.refused(&["relay", "claim", "--epoch", "1", "--claim", &claim], "claimed already").await;
    let shown = on.json(&["relay", "show"]).await;
    assert_eq!((&shown["rewarded_atoms"], &shown["paid_receipts"]), (&json!(500_000), &json!(7)));
}

/// A relay that signed two things about one place loses its stake, once.
async fn contradiction(on: &Installation) {
    let shown = on.json(&["relay", "show"]).await;
    let operator = shown["operator"].as_str().unwrap().to_owned();
    let key = on.key(&format!("relay-{}", shown["key"].as_str().unwrap()));
    let sign = |key: &Keypair, content: u8| {
        let message = Statement { stream: [1; 32], sequence: 7, content: [content; 32] }.to_bytes();
        let signature: [u8; 64] = key.sign_message(&message).into();
        let (key, signature) = (hex::encode(key.pubkey().to_bytes()), hex::encode(signature));
        json!({ "key": key, "signature": signature, "message": hex::encode(message) }).to_string()
    };
    let first = on.write("first.json", &sign(&key, 1));
    let second = on.write("second.json", &sign(&key, 2));
    let foreign = on.write("foreign.json", &sign(&Keypair::new(), 2));
    let report =
        |second: &str| ["relay", "report", &operator, "--first", &first, "--second", second].map(str::to_owned);
    on.refused(&report(&first), "say the same").await;
    on.refused(&report(&foreign), "does not answer for the key").await;
    assert_eq!(on.json(&report(&second)).await["slashed_atoms"], 1_200 * PERMIT);
    on.refused(&report(&second), "reported already").await;
    assert_eq!(on.json(&["relay", "show"]).await["slash_count"], 1);
    assert_eq!(on.json(&["stake"]).await["staked_atoms"], 0);
}

/// `up` does not go on from a config that another version wrote, and says what to do.
async fn other_version(mut on: Installation) {
    let address = chain::config_address();
    let mut config = on.rpc.get_account_data(&address).await.unwrap();
    // Its version follows the discriminator.
    config[8] = Config::VERSION - 1;
    let change = json!([address.to_string(), { "data": hex::encode(config) }]);
    let method = "surfnet_setAccount";
    on.rpc.send::<Value>(RpcRequest::Custom { method }, change).await.unwrap();
    on.up.stop().await.unwrap();
    on.up = start_up(&on.cli, on.first_port);
    let refused = on.up.next_line(PATIENCE).await.unwrap_err().to_string();
    assert!(refused.contains("another version of the on-chain program"), "{refused}");
    assert!(refused.contains(on.folder.path().to_str().unwrap()) && refused.contains("--data"), "{refused}");
}

impl Installation {
    async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("permitpipe-verbs-").tempdir().unwrap();
        // Postgres may have to run as another user, who passes through here.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let cli = Cli::new(program::permitpipe().unwrap(), folder.path());
        let first_port = port::free(3).unwrap();
        let mut up = start_up(&cli, first_port);
        up.next_line(PATIENCE * 2).await.unwrap();
        let url = format!("http://127.0.0.1:{}", first_port + 1);
        let rpc = RpcClient::new_with_commitment(url, CommitmentConfig::confirmed());
        Self { cli, rpc, up, first_port, folder }
    }

    async fn json(&self, words: &[impl AsRef<str>]) -> Value {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        self.cli.json(&words).await.unwrap()
    }

    /// The verb fails, and says why in these words.
    async fn refused(&self, words: &[impl AsRef<str>], why: &str) {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        let refused = self.cli.json(&words).await.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}\ndoes not say: {why}");
    }

    /// Returns when a delay that began before this call is over: a withdrawal that begins now outlasts it.
    async fn pass_delay(&self) {
        self.json(&["topup", "0.01", "--asset", "sol", "--no-wait"]).await;
        self.json(&["withdraw", "all", "--asset", "sol", "--wait"]).await;
    }

    async fn config(&self) -> Config {
        chain::decode_config(&self.rpc.get_account_data(&chain::config_address()).await.unwrap()).unwrap()
    }

    /// A file beside the data.
    fn write(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn key(&self, name: &str) -> Keypair {
        let path: PathBuf = self.folder.path().join("keys").join(format!("{name}.json"));
        read_keypair_file(path).unwrap()
    }

    /// USDC of the wallet to a new token account of `owner`.
    async fn fund(&self, config: &Config, wallet: &Keypair, owner: &Pubkey, atoms: u64) {
        let (from, to) = (wallet.pubkey(), associated(owner, &config.usdc_mint));
        let accounts = vec![
            AccountMeta::new(from, true),
            AccountMeta::new(to, false),
            AccountMeta::new_readonly(*owner, false),
            AccountMeta::new_readonly(config.usdc_mint, false),
            AccountMeta::new_readonly(Pubkey::default(), false),
            AccountMeta::new_readonly(spl_token::ID, false),
        ];
        let open = Instruction { program_id: ASSOCIATED_TOKEN_PROGRAM, accounts, data: vec![1] };
        let source = associated(&from, &config.usdc_mint);
        #[allow(deprecated, reason = "the successor is the same code in a crate of another name")]
        let pay = spl_token::instruction::transfer(&spl_token::ID, &source, &to, &from, &[], atoms).unwrap();
        self.send(&[open, pay], wallet).await;
    }

    async fn send(&self, instructions: &[Instruction], signer: &Keypair) {
        let recent = self.rpc.get_latest_blockhash().await.unwrap();
        let signed = Transaction::new_signed_with_payer(instructions, Some(&signer.pubkey()), &[signer], recent);
        self.rpc.send_and_confirm_transaction(&signed).await.unwrap();
    }
}

fn start_up(cli: &Cli, first_port: u16) -> Process {
    let (listen, rpc_port) = (format!("127.0.0.1:{first_port}"), (first_port + 1).to_string());
    let mut words = vec!["--json", "up", "--listen", &listen, "--rpc-port", &rpc_port, "--slot-ms", "100"];
    words.extend(["--withdrawal-delay", DELAY_SECONDS, "--window", DELAY_SECONDS]);
    Process::start("permitpipe up", cli.command(&words), &cli.data().join("up.err")).unwrap()
}

fn associated(owner: &Pubkey, mint: &Pubkey) -> Pubkey {
    let seeds = [owner.as_ref(), spl_token::ID.as_ref(), mint.as_ref()];
    Pubkey::find_program_address(&seeds, &ASSOCIATED_TOKEN_PROGRAM).0
}
