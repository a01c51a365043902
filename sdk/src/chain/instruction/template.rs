//! The registry of templates.

use solana_sdk::{instruction::Instruction, pubkey::Pubkey};

use super::{INSTRUCTIONS, SYSTEM_PROGRAM, TOKEN_PROGRAM, accounts, build, data};
use crate::chain::{
    Config, PROGRAM_ID, config_address, event_authority, program, template_address, template_permit_address,
};

/// Publishes a template's content hash with the config's bond; the publisher pays both.
pub fn publish_template(config: &Config, publisher: &Pubkey, publisher_permit: &Pubkey, hash: [u8; 32]) -> Instruction {
    let template = template_address(&hash);
    let accounts = accounts::PublishTemplate {
        publisher: *publisher,
        config: config_address(),
        template,
        template_permit: template_permit_address(&template),
        publisher_permit: *publisher_permit,
        permit_mint: config.permit_mint,
        token_program: TOKEN_PROGRAM,
        system_program: SYSTEM_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::PublishTemplate { args: program::PublishTemplateArgs { hash } })
}

/// Vouches for a template.
pub fn verify_template(verifier: &Pubkey, hash: &[u8; 32]) -> Instruction {
    build(judge(verifier, hash), data::VerifyTemplate {})
}

/// Accuses a template of a fault.
pub fn accuse_template(verifier: &Pubkey, hash: &[u8; 32]) -> Instruction {
    build(judge(verifier, hash), data::AccuseTemplate {})
}

/// Drops an accusation; `by` is the verifier or the admin.
pub fn acquit_template(by: &Pubkey, hash: &[u8; 32]) -> Instruction {
    build(judge(by, hash), data::AcquitTemplate {})
}

/// Carries an accusation out; `config.verifier` signs.
pub fn revoke_template(config: &Config, hash: &[u8; 32], publisher: &Pubkey) -> Instruction {
    let template = template_address(hash);
    let accounts = accounts::RevokeTemplate {
        verifier: config.verifier,
        config: config_address(),
        template,
        template_permit: template_permit_address(&template),
        publisher: *publisher,
        insurance: config.insurance,
        permit_mint: config.permit_mint,
        token_program: TOKEN_PROGRAM,
        instructions: INSTRUCTIONS,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::RevokeTemplate {})
}

/// Takes a template out of the registry.
pub fn retire_template(publisher: &Pubkey, hash: &[u8; 32]) -> Instruction {
    let accounts = accounts::RetireTemplate {
        publisher: *publisher,
        config: config_address(),
        template: template_address(hash),
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::RetireTemplate {})
}

/// Gives a retired template's bond back to a PERMIT token account of the publisher, and closes the template.
pub fn reclaim_template(
    config: &Config,
    publisher: &Pubkey,
    publisher_permit: &Pubkey,
    hash: &[u8; 32],
) -> Instruction {
    let template = template_address(hash);
    let accounts = accounts::ReclaimTemplate {
        publisher: *publisher,
        config: config_address(),
        template,
        template_permit: template_permit_address(&template),
        publisher_permit: *publisher_permit,
        permit_mint: config.permit_mint,
        token_program: TOKEN_PROGRAM,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    };
    build(accounts, data::ReclaimTemplate {})
}

fn judge(signer: &Pubkey, hash: &[u8; 32]) -> accounts::JudgeTemplate {
    accounts::JudgeTemplate {
        signer: *signer,
        config: config_address(),
        template: template_address(hash),
        instructions: INSTRUCTIONS,
        event_authority: event_authority(),
        program: PROGRAM_ID,
    }
}
