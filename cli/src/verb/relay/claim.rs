//! `permitpipe relay claim`: the relay's reward of one epoch, by the proof that whoever published the epoch hands out.

use std::{
    fs,
    path::{Path, PathBuf},
};

use permitpipe_sdk::chain::{
    self, ClaimRewardArgs, Epoch, instruction::claim_reward, merkle, relay_address, reward_leaf,
};
use serde::Deserialize;
use serde_json::json;
use solana_sdk::pubkey::Pubkey;

use super::get;
use crate::{
    amount::Unit,
    error::{Error, Explain},
    verb::Context,
};

/// Which epoch, and what of it.
#[derive(clap::Args)]
pub struct Claim {
    /// Number of the epoch
    #[arg(long)]
    epoch: u64,
    /// JSON with index, amount_atoms, receipt_count and proof (a list of hashes in hex, from the leaf up)
    #[arg(long, value_name = "FILE")]
    claim: PathBuf,
}

/// The file.
#[derive(Deserialize)]
struct Content {
    index: u32,
    amount_atoms: u64,
    receipt_count: u64,
    proof: Vec<String>,
}

/// Checks the proof as the program will, then takes the reward.
pub async fn run(args: &Claim, context: &Context) -> Result<(), Error> {
    let claim = read(&args.claim)?;
    let (number, owner) = (args.epoch, context.owner()?);
    get(&owner, &owner.key()).await?;
    let epoch = owner.rpc.find(&chain::epoch_address(number), chain::decode_epoch).await?;
    let epoch = epoch.ok_or_else(|| {
        Error::new(format!("there is no epoch {number}"))
            .advise("it is not published yet, or closed after its retention")
    })?;
    check(&epoch, &relay_address(&owner.key()), &claim)?;
    let (config, amount_atoms) = (owner.rpc.config().await?, claim.amount_atoms);
    let pay = claim_reward(&config, &owner.key(), &owner.token_account(&config.usdc_mint), number, claim);
    let signature = owner.send(&[owner.open_token_account(&config.usdc_mint), pay]).await?;
    let value = json!({ "stage": "claimed", "signature": signature, "epoch": number, "amount_atoms": amount_atoms });
    let amount = Unit::USD.show(amount_atoms);
    context.report("claimed", &format!("{amount} of epoch {number}, transaction {signature}"), &value);
    Ok(())
}

fn read(path: &Path) -> Result<ClaimRewardArgs, Error> {
    let bytes = fs::read(path).explain(|| format!("cannot read {}", path.display()))?;
    parse(&bytes).map_err(|problem| Error::usage(format!("{} is no claim: {problem}", path.display())))
}

fn parse(bytes: &[u8]) -> Result<ClaimRewardArgs, String> {
    let Content { index, amount_atoms, receipt_count, proof } =
        serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    let hash = |text: &String| {
        let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| format!("`{text}` in its proof is not 64 digits of hex"))
    };
    let proof = proof.iter().map(hash).collect::<Result<_, _>>()?;
    Ok(ClaimRewardArgs { index, amount_atoms, receipt_count, proof })
}

/// What the program would refuse, in more words.
fn check(epoch: &Epoch, relay: &Pubkey, claim: &ClaimRewardArgs) -> Result<(), Error> {
    let leaf = reward_leaf(epoch.number, claim.index, relay, (claim.amount_atoms, claim.receipt_count));
    if merkle::root(claim.index, epoch.leaf_count, leaf, &claim.proof) != Some(epoch.root) {
        return Err(Error::new(format!("the proof does not lead to the root of epoch {}", epoch.number))
            .advise(format!("check that the claim is this epoch's, and made for the relay {relay}")));
    }
    let byte = usize::try_from(claim.index / 8).ok().and_then(|index| epoch.claimed.get(index)).copied();
    if byte.is_some_and(|byte| byte & (1 << (claim.index % 8)) != 0) {
        return Err(Error::new("the reward was claimed already").advise("each is paid once: permitpipe relay show"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(root: [u8; 32]) -> Epoch {
        Epoch {
            version: Epoch::VERSION,
            bump: 0,
            reward_bump: 0,
            number: 3,
            event_seq: 1,
            root,
            leaf_count: 2,
            total_atoms: 10,
            claimed_atoms: 0,
            published_at: 0,
            payer: Pubkey::default(),
            reserved: [0; 37],
            claimed: vec![0],
        }
    }

    #[test]
    fn a_claim_is_read_or_refused() {
        let hash = "ab".repeat(32);
        let text = format!(r#"{{"index":1,"amount_atoms":5,"receipt_count":2,"proof":["{hash}"]}}"#);
        let claim = parse(text.as_bytes()).unwrap();
        assert_eq!((claim.index, claim.amount_atoms, claim.proof), (1, 5, vec![[0xab; 32]]));
        for bad in ["", "{}", &text.replace(&hash, "ab"), &text.replace('5', "-5")] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_claim_is_checked_as_the_program_does() {
        let relay = Pubkey::new_from_array([7; 32]);
        let leaves = [reward_leaf(3, 0, &relay, (4, 1)), reward_leaf(3, 1, &relay, (6, 2))];
        let mut epoch = epoch(merkle::node(&leaves[0], &leaves[1]));
        let claim = ClaimRewardArgs { index: 1, amount_atoms: 6, receipt_count: 2, proof: vec![leaves[0]] };
        check(&epoch, &relay, &claim).unwrap();
        for wrong in
            [ClaimRewardArgs { index: 0, ..claim.clone() }, ClaimRewardArgs { amount_atoms: 7, ..claim.clone() }]
        {
            assert!(check(&epoch, &relay, &wrong).unwrap_err().problem().contains("root"));
        }
        epoch.claimed = vec![0b10];
        assert!(check(&epoch, &relay, &claim).unwrap_err().problem().contains("already"));
    }
}
