//! `permitpipe template`: service templates in the registry on chain, by the SHA-256 of their content.

use std::{
    convert::Infallible,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use permitpipe_sdk::chain::{
    self, Config, Template, TemplateStatus,
    instruction::{
        accuse_template, acquit_template, publish_template, reclaim_template, retire_template, revoke_template,
        verify_template,
    },
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use solana_sdk::signer::{Signer, keypair::Keypair};

use super::{Context, Owner};
use crate::{
    error::{Error, Explain},
    output,
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// Stand for a file with the config's bond
    Publish {
        /// The template
        file: PathBuf,
    },
    /// As the verifier: vouch for a template
    Verify(Which),
    /// As the verifier: accuse a template; after the delay it can be revoked
    Accuse(Which),
    /// As the verifier or the admin: drop the accusation
    Acquit(Which),
    /// As the verifier: carry the accusation out; the bond is forfeited
    Revoke(Which),
    /// As its publisher: take a template out of the registry
    Retire(Which),
    /// As its publisher: get the bond back after the cool-down
    Reclaim(Which),
    /// Show a template
    Show(Which),
}

/// One template.
#[derive(clap::Args)]
pub struct Which {
    /// SHA-256 in hex, or the file itself
    #[arg(value_name = "HASH|FILE")]
    template: Name,
}

/// How a template is named.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Hash([u8; 32]),
    File(PathBuf),
}

impl FromStr for Name {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hash = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        Ok(hash.map_or_else(|| Self::File(text.into()), Self::Hash))
    }
}

/// Does it.
pub async fn run(verb: Verb, context: &Context) -> Result<(), Error> {
    let which = match &verb {
        Verb::Publish { file } => return publish(file, context).await,
        Verb::Show(which) => return show(which, context).await,
        Verb::Verify(which) | Verb::Accuse(which) | Verb::Acquit(which) | Verb::Revoke(which) => which,
        Verb::Retire(which) | Verb::Reclaim(which) => which,
    };
    let owner = context.owner()?;
    let (hash, config) = (which.hash()?, owner.rpc.config().await?);
    let template = get(&owner, &hash).await?;
    let registry = Registry { owner, config, hash, template, context };
    let signature = match &verb {
        Verb::Retire(_) | Verb::Reclaim(_) => registry.withdraw(&verb).await?,
        _ => registry.judge(&verb).await?,
    };
    let template = find(&registry.owner, &hash).await?;
    let (stage, hash) = (stage(&verb), hex::encode(hash));
    let value = template.as_ref().map_or_else(|| json!({ "hash": hash }), json_of);
    context.report(stage, &format!("{hash}, transaction {signature}"), &with(value, stage, &signature));
    if let Some(template) = template {
        context.say("now", &words(&template));
    }
    Ok(())
}

async fn publish(file: &Path, context: &Context) -> Result<(), Error> {
    let (hash, owner) = (hash_of(file)?, context.owner()?);
    if let Some(template) = find(&owner, &hash).await? {
        return Err(Error::new(format!("{} is published already, by {}", hex::encode(hash), template.publisher))
            .advise("permitpipe template show tells where it stands"));
    }
    let config = owner.rpc.config().await?;
    let (unit, bond) = (owner.permit(&config).await?, config.bonds.template_atoms);
    owner.require_tokens(&config.permit_mint, unit, bond, "the bond").await?;
    let publisher_permit = owner.token_account(&config.permit_mint);
    let signature = owner.send(&[publish_template(&config, &owner.key(), &publisher_permit, hash)]).await?;
    let template = get(&owner, &hash).await?;
    let value = with(json_of(&template), "published", &signature);
    context.report("published", &format!("{}, transaction {signature}", hex::encode(hash)), &value);
    context.say("bond", &format!("{}, until it is retired and reclaimed", unit.show(bond)));
    Ok(())
}

async fn show(which: &Which, context: &Context) -> Result<(), Error> {
    let owner = context.owner()?;
    let template = get(&owner, &which.hash()?).await?;
    if context.json {
        output::json(&json_of(&template));
        return Ok(());
    }
    let unit = owner.permit(&owner.rpc.config().await?).await?;
    output::labelled("hash", &hex::encode(template.hash));
    output::labelled("publisher", &template.publisher.to_string());
    output::labelled("bond", &unit.show(template.bond_atoms));
    output::labelled("now", &words(&template));
    Ok(())
}

/// One template, and who acts on it.
struct Registry<'a> {
    owner: Owner,
    config: Config,
    hash: [u8; 32],
    template: Template,
    context: &'a Context,
}

impl Registry<'_> {
    /// What the verifier (or, for an acquittal, the admin) does.
    async fn judge(&self, verb: &Verb) -> Result<String, Error> {
        let (hash, publisher) = (&self.hash, &self.template.publisher);
        let signer = self.judge_key(verb)?;
        let instruction = match verb {
            Verb::Verify(_) => verify_template(&signer.pubkey(), hash),
            Verb::Accuse(_) => accuse_template(&signer.pubkey(), hash),
            Verb::Acquit(_) => acquit_template(&signer.pubkey(), hash),
            _ => {
                let due = self.template.accused_until.ok_or_else(|| {
                    Error::new("the template is not accused").advise("accuse it first: permitpipe template accuse")
                })?;
                self.require_due(due, "the accusation is still in its delay").await?;
                revoke_template(&self.config, hash, publisher)
            }
        };
        Ok(self.owner.rpc.send(&[instruction], &[&signer]).await?.to_string())
    }

    fn judge_key(&self, verb: &Verb) -> Result<Keypair, Error> {
        let verifier = self.context.authority(&self.config.verifier, "verifier");
        if matches!(verb, Verb::Acquit(_)) {
            return verifier.or_else(|_| self.context.authority(&self.config.admin, "verifier or admin"));
        }
        verifier
    }

    /// What the publisher does.
    async fn withdraw(&self, verb: &Verb) -> Result<String, Error> {
        let (owner, config, hash) = (&self.owner, &self.config, &self.hash);
        if self.template.publisher != owner.key() {
            return Err(Error::new(format!(
                "{} published the template, the wallet is {}",
                self.template.publisher,
                owner.key()
            ))
            .advise("only its publisher may do this"));
        }
        if matches!(verb, Verb::Retire(_)) {
            return owner.send(&[retire_template(&owner.key(), hash)]).await;
        }
        let TemplateStatus::Retiring { reclaimable_at } = self.template.status else {
            return Err(Error::new(format!("the template is {}", status(&self.template.status)))
                .advise("only a retired one gives its bond back: permitpipe template retire"));
        };
        self.require_due(reclaimable_at, "the template was retired too recently").await?;
        let mint = config.permit_mint;
        let reclaim = reclaim_template(config, &owner.key(), &owner.token_account(&mint), hash);
        owner.send(&[owner.open_token_account(&mint), reclaim]).await
    }

    async fn require_due(&self, at: i64, problem: &str) -> Result<(), Error> {
        let remaining = at.saturating_sub(self.owner.rpc.clock().await?);
        if remaining <= 0 {
            return Ok(());
        }
        Err(Error::new(format!("{problem}: {remaining} s remain")).advise(format!("try again at {}", output::at(at))))
    }
}

impl Which {
    fn hash(&self) -> Result<[u8; 32], Error> {
        match &self.template {
            Name::Hash(hash) => Ok(*hash),
            Name::File(path) => hash_of(path),
        }
    }
}

fn hash_of(path: &Path) -> Result<[u8; 32], Error> {
    let content = fs::read(path).explain(|| format!("cannot read {}", path.display()))?;
    Ok(Sha256::digest(content).into())
}

async fn find(owner: &Owner, hash: &[u8; 32]) -> Result<Option<Template>, Error> {
    owner.rpc.find(&chain::template_address(hash), chain::decode_template).await
}

async fn get(owner: &Owner, hash: &[u8; 32]) -> Result<Template, Error> {
    find(owner, hash).await?.ok_or_else(|| {
        Error::new(format!("the registry has no template {}", hex::encode(hash)))
            .advise("permitpipe template publish FILE publishes one; a changed file is another template")
    })
}

fn stage(verb: &Verb) -> &'static str {
    match verb {
        Verb::Publish { .. } => "published",
        Verb::Verify(_) => "verified",
        Verb::Accuse(_) => "accused",
        Verb::Acquit(_) => "acquitted",
        Verb::Revoke(_) => "revoked",
        Verb::Retire(_) => "retired",
        Verb::Reclaim(_) => "reclaimed",
        Verb::Show(_) => "shown",
    }
}

const fn status(status: &TemplateStatus) -> &'static str {
    match status {
        TemplateStatus::Published => "published",
        TemplateStatus::Verified => "verified",
        TemplateStatus::Retiring { .. } => "retiring",
        TemplateStatus::Revoked => "revoked",
    }
}

/// Where it stands.
fn words(template: &Template) -> String {
    let mut words = match template.status {
        TemplateStatus::Published => "published, not verified".into(),
        TemplateStatus::Verified => "verified".into(),
        TemplateStatus::Retiring { reclaimable_at } => {
            format!("retired; the bond is free from {} on: permitpipe template reclaim", output::at(reclaimable_at))
        }
        TemplateStatus::Revoked => "revoked for ever; the bond is forfeited".into(),
    };
    if let Some(at) = template.accused_until {
        words.push_str(&format!("; accused, and can be revoked from {} on", output::at(at)));
    }
    words
}

fn json_of(template: &Template) -> Value {
    let reclaimable_at = match template.status {
        TemplateStatus::Retiring { reclaimable_at } => Some(reclaimable_at),
        _ => None,
    };
    json!({
        "hash": hex::encode(template.hash), "publisher": template.publisher.to_string(),
        "bond_atoms": template.bond_atoms, "status": status(&template.status), "reclaimable_at": reclaimable_at,
        "accused_until": template.accused_until,
    })
}

fn with(mut value: Value, stage: &str, signature: &str) -> Value {
    value["stage"] = json!(stage);
    value["signature"] = json!(signature);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_named_by_its_hash_or_its_file() {
        let hash = "ab".repeat(32);
        assert_eq!(hash.parse(), Ok(Name::Hash([0xab; 32])));
        assert_eq!(hash.to_uppercase().parse(), Ok(Name::Hash([0xab; 32])));
        for file in ["openai.yaml", "ab", &hash[1..]] {
            assert_eq!(file.parse(), Ok(Name::File(file.into())));
        }
    }

    #[test]
    fn the_hash_is_sha_256_of_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("template.yaml");
        fs::write(&path, "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(hash_of(&path).unwrap()), expected);
        assert!(hash_of(&folder.path().join("none")).is_err());
    }
}
