//! Row 17: the config's keys.

use anchor_lang::solana_program::system_instruction;
use permitpipe_sdk::chain::{Bonds, Change, Fee, PermitPipeError as Error, Timing, instruction as build};
use solana_sdk::{pubkey::Pubkey, signer::Signer};

use super::{refused_with, sweep};
use crate::world::*;

const CHANGE: Change = Change::Limits(Limits { settle_cap_atoms: u64::MAX, ..LIMITS });
const DAY_SECONDS: i64 = 86_400;

/// Instructions that refuse durable nonces.
const FENCED: [&str; 13] = [
    "initialize_config",
    "propose_change",
    "accept_change",
    "cancel_change",
    "pause",
    "unpause",
    "lower_settle_cap",
    "verify_template",
    "accuse_template",
    "acquit_template",
    "revoke_template",
    "create_plan",
    "retire_plan",
];

fn propose(world: &mut World, change: Change) {
    world.send(&[build::propose_change(&world.admin.pubkey(), change)], &[2]).unwrap();
}

#[test]
fn d2_17_admin_no_change_without_its_delay() {
    // Proposed and accepted in one transaction, a second early, and after it was forgotten.
    let mut world = World::configured();
    let (propose_it, accept) =
        (build::propose_change(&world.admin.pubkey(), CHANGE), build::accept_change(&world.admin.pubkey()));
    let result = world.send(&[propose_it, accept.clone()], &[2]);
    refused_with(&world, result, &[Error::ChangeNotReady.into()], "at once");
    propose(&mut world, CHANGE);
    world.wait(CHANGE_DELAY_SECONDS - 1);
    let result = world.send(std::slice::from_ref(&accept), &[2]);
    refused_with(&world, result, &[Error::ChangeNotReady.into()], "a second early");
    world.wait(1 + 14 * DAY_SECONDS);
    let result = world.send(&[accept], &[2]);
    refused_with(&world, result, &[Error::ChangeExpired.into()], "forgotten");
    // It is in the way until somebody drops it, and then the delay begins anew.
    let result = world.send(&[build::propose_change(&world.admin.pubkey(), CHANGE)], &[2]);
    refused_with(&world, result, &[Error::ChangePending.into()], "beside the expired one");
    world.send(&[build::cancel_change(&world.admin.pubkey())], &[2]).unwrap();
    propose(&mut world, CHANGE);
}

#[test]
fn d2_17_admin_what_is_accepted_is_what_was_proposed() {
    // Neither another proposal nor a shorter delay gets under the delay of the first.
    let mut world = World::configured();
    propose(&mut world, Change::Timing(Timing { change_delay_seconds: WITHDRAWAL_DELAY_SECONDS, ..TIMING }));
    let result = world.send(&[build::propose_change(&world.admin.pubkey(), CHANGE)], &[2]);
    refused_with(&world, result, &[Error::ChangePending.into()], "a second proposal");
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    let result = world.send(&[build::accept_change(&world.admin.pubkey())], &[2]);
    refused_with(&world, result, &[Error::ChangeNotReady.into()], "the new delay does not apply to itself");
}

#[test]
fn d2_17_admin_guardian_can_take_power_away_and_nothing_else() {
    let mut world = World::configured();
    let guardian = world.guardian.pubkey();
    let up = SETTLE_CAP_ATOMS + 1;
    for (instruction, error) in [
        (build::propose_change(&guardian, CHANGE), Error::NotAdmin),
        (build::unpause(&guardian), Error::NotAdmin),
        (build::lower_settle_cap(&guardian, Asset::Usdc, up), Error::CapNotLower),
        (build::lower_settle_cap(&guardian, Asset::Sol, SETTLE_CAP_LAMPORTS), Error::CapNotLower),
    ] {
        let result = world.send(&[instruction], &[3]);
        refused_with(&world, result, &[error.into()], "the guardian");
    }
    propose(&mut world, CHANGE);
    world.wait(CHANGE_DELAY_SECONDS);
    let result = world.send(&[build::accept_change(&guardian)], &[3]);
    refused_with(&world, result, &[Error::NotAccepter.into()], "the guardian accepts");
    world.send(&[build::cancel_change(&guardian)], &[3]).unwrap();
    // And it cannot keep itself in office.
    let change = Change::Guardian(world.mallory.pubkey());
    propose(&mut world, change);
    let result = world.send(&[build::cancel_change(&guardian)], &[3]);
    refused_with(&world, result, &[Error::VetoOfReplacement.into()], "a veto of its own replacement");
}

#[test]
fn d2_17_admin_is_handed_over_to_a_key_that_answers() {
    // Only the new admin accepts for itself; the old one, the guardian and a stranger do not; nobody is no admin.
    let mut world = World::configured();
    let admin = world.admin.pubkey();
    for nobody in [Change::Admin, Change::Guardian, Change::SettleAuthority, Change::Verifier] {
        let result = world.send(&[build::propose_change(&admin, nobody(Pubkey::default()))], &[2]);
        refused_with(&world, result, &[Error::DefaultAuthority.into()], "the default address");
    }
    let change = Change::Admin(world.mallory.pubkey());
    propose(&mut world, change);
    world.wait(CHANGE_DELAY_SECONDS);
    for by in [2, 3, 6] {
        let result = world.send(&[build::accept_change(&keypair(by).pubkey())], &[by]);
        refused_with(&world, result, &[Error::NotAccepter.into()], "the wrong key");
    }
    world.send(&[build::accept_change(&world.mallory.pubkey())], &[7]).unwrap();
    let result = world.send(&[build::pause(&admin)], &[2]);
    refused_with(&world, result, &[Error::NotGuardianOrAdmin.into()], "the admin before");
}

#[test]
fn d2_17_admin_proposals_out_of_bounds_are_refused_at_once() {
    let mut world = World::configured();
    let admin = world.admin.pubkey();
    let oracle = world.oracle();
    for (change, error) in [
        (Change::Limits(Limits { min_deposit_lamports: 0, ..LIMITS }), Error::BadLimits),
        (Change::Timing(Timing { change_delay_seconds: 0, ..TIMING }), Error::BadDelay),
        (Change::Timing(Timing { retention_seconds: 367 * DAY_SECONDS, ..TIMING }), Error::BadDelay),
        (Change::Fee(Fee { request_credits: 0, mebibyte_credits: u64::MAX }), Error::BadLimits),
        (Change::Bonds(Bonds { reporter_basis_points: 5_001, ..BONDS }), Error::BadBonds),
        (Change::Oracle(permitpipe_sdk::chain::Oracle { max_age_seconds: 121, ..oracle }), Error::BadOracle),
    ] {
        let result = world.send(&[build::propose_change(&admin, change)], &[2]);
        refused_with(&world, result, &[error.into()], "out of bounds");
    }
    let free = Change::Fee(Fee { request_credits: 0, mebibyte_credits: i64::MAX.unsigned_abs() });
    world.send(&[build::propose_change(&admin, free)], &[2]).unwrap();
}

#[test]
fn d2_17_admin_durable_nonces_are_refused_by_every_instruction_of_the_admins() {
    // A transaction over a durable nonce could be signed today and sent in a year; owners may use them.
    let mut fenced = Vec::new();
    sweep(|case, world, instruction| {
        let (payer, nonce) = (keypair(case.signers[0]), keypair(13));
        let lamports = world.svm.minimum_balance_for_rent_exemption(80);
        let create =
            system_instruction::create_nonce_account(&payer.pubkey(), &nonce.pubkey(), &payer.pubkey(), lamports);
        world.send(&create, &[case.signers[0], 13]).unwrap();
        let advance = system_instruction::advance_nonce_account(&nonce.pubkey(), &payer.pubkey());
        if FENCED.contains(&case.name) {
            let result = world.send(&[advance, instruction.clone()], case.signers);
            refused_with(world, result, &[Error::DurableNonce.into()], case.name);
            fenced.push(case.name);
        } else if (case.preceded)(world).is_empty() {
            world.send(&[advance, instruction.clone()], case.signers).unwrap();
        }
    });
    assert_eq!(fenced, FENCED);
}
