//! Slashing: what two statements that contradict each other cost, and every way to forge them.

use permitpipe_sdk::chain::{
    self, Event, PermitPipeError as Error, RelayChange, StakeChange, Unlocking, instruction as build,
};
use solana_sdk::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
    signer::Signer,
};

use crate::{ground::*, world::*};

/// The shares of what one contradiction takes of [`STAKED_ATOMS`].
const REPORTER_ATOMS: u64 = 30 * PERMIT;
const INSURED_ATOMS: u64 = 90 * PERMIT;

#[test]
fn two_statements_about_one_place_cost_the_share_and_pay_reporter_and_insurance() {
    let mut world = World::relayed();
    let told = events(world.slash_once(1));
    assert_eq!(world.tokens(&world.mallory_permit), WALLET_PERMIT_ATOMS + REPORTER_ATOMS);
    assert_eq!(world.tokens(&world.insurance), INSURED_ATOMS);
    assert_eq!(world.tokens(&world.stake_permit()), STAKED_ATOMS - SLASHED_ATOMS);
    let position = world.stake().position;
    assert_eq!((position.staked_atoms, position.slashed_atoms), (STAKED_ATOMS - SLASHED_ATOMS, SLASHED_ATOMS));
    assert_eq!(world.relay().slash_count, 1);
    let reporter = world.mallory.pubkey();
    let [Event::StakeChanged(taken), Event::RelayChanged(slashed)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&taken.kind, taken.position), (&StakeChange::Slashed { amount_atoms: SLASHED_ATOMS }, position));
    assert_eq!((taken.event_seq, slashed.event_seq), (4, 2));
    let (slashed_atoms, reporter_atoms) = (SLASHED_ATOMS, REPORTER_ATOMS);
    let kind = RelayChange::Slashed { stream: STREAM, sequence: 1, reporter, slashed_atoms, reporter_atoms };
    assert_eq!(slashed.kind, kind);
    let record = chain::contradiction_address(&world.relay_address(), &STREAM, 1);
    let record = chain::decode_contradiction(&world.data(&record)).unwrap();
    assert_eq!((record.relay, record.stream, record.sequence), (world.relay_address(), STREAM, 1));
    assert_eq!((record.reporter, record.slashed_atoms, record.slashed_at), (reporter, slashed_atoms, START));
}

#[test]
fn each_contradiction_is_punished_once_and_another_one_again() {
    let mut world = World::relayed();
    world.slash_once(1).unwrap();
    let before = world.everything();
    // "The account is in use": the record is the lock.
    assert_eq!(code(world.slash_once(1)), 0);
    assert_eq!(code(world.slash(1, [said(RELAY_KEY, 1, 8), said(RELAY_KEY, 1, 9)])), 0, "other contents, same place");
    assert!(before == world.everything());
    world.slash_once(2).unwrap();
    // 40 % of what was left.
    assert_eq!(world.stake().position.staked_atoms, 108 * PERMIT);
    assert_eq!(world.relay().slash_count, 2);
}

#[test]
pub fn slashing_takes_what_unlocks_first_so_that_the_bond_goes_on_standing() {
    let mut world = World::relayed();
    world.request_unstake(200 * PERMIT).unwrap();
    let unlocks_at = START + COOL_DOWN_SECONDS;
    world.slash_once(1).unwrap();
    let position = world.stake().position;
    // 120 of 300, all from the 200 that were on their way out.
    assert_eq!(position.staked_atoms, 100 * PERMIT);
    assert_eq!(position.unlocking, Some(Unlocking { amount_atoms: 80 * PERMIT, unlocks_at }));
    // 72 of 180, then 43.2 of 108: what unlocks is used up, then the bond.
    world.slash_once(2).unwrap();
    world.slash_once(3).unwrap();
    let position = world.stake().position;
    assert_eq!((position.staked_atoms, position.unlocking), (64_800_000_000, None));
    assert_eq!(world.tokens(&world.stake_permit()), 64_800_000_000);
}

#[test]
fn what_is_left_weighs_in_proportion() {
    let mut world = World::relayed();
    world.wait(WARM_UP_SECONDS / 2);
    world.slash_once(1).unwrap();
    assert_eq!(world.weight_after(WARM_UP_SECONDS), STAKED_ATOMS - SLASHED_ATOMS);
}

#[test]
fn a_retired_relay_is_within_reach_until_its_bond_has_cooled_down() {
    let mut world = World::relayed();
    world.retire_relay().unwrap();
    world.request_unstake(STAKED_ATOMS).unwrap();
    world.wait(COOL_DOWN_SECONDS - 1);
    world.slash_once(1).unwrap();
    world.wait(1);
    world.unstake().unwrap();
    assert_eq!(world.tokens(&world.owner_permit), WALLET_PERMIT_ATOMS - SLASHED_ATOMS);
}

#[test]
fn the_stake_answers_for_the_key_before_but_not_for_the_one_before_that() {
    let mut world = World::relayed();
    world.wait(COOL_DOWN_SECONDS);
    world.rotate(NEXT_KEY).unwrap();
    // One statement under each of the two keys.
    world.slash(1, [said(RELAY_KEY, 1, 1), said(NEXT_KEY, 1, 2)]).unwrap();
    world.slash_once(2).unwrap();
    world.wait(COOL_DOWN_SECONDS);
    world.rotate(THIRD_KEY).unwrap();
    refused(world.slash_once(3), Error::NotRelayKey);
    world.slash(3, [said(THIRD_KEY, 3, 1), said(NEXT_KEY, 3, 2)]).unwrap();
}

#[test]
fn reporting_oneself_still_costs_most_of_what_is_slashed() {
    let mut world = World::relayed();
    let (operator, reporter_permit) = (world.owner.pubkey(), world.owner_permit);
    let report = build::Report { reporter: operator, reporter_permit, operator };
    let args = chain::SlashRelayArgs { stream: STREAM, sequence: 1, first_instruction: 0, second_instruction: 1 };
    let slash = build::slash_relay(&world.config(), &report, args);
    world.send(&[said(RELAY_KEY, 1, 1), said(RELAY_KEY, 1, 2), slash], &[6]).unwrap();
    assert_eq!(world.tokens(&reporter_permit), WALLET_PERMIT_ATOMS - STAKED_ATOMS + REPORTER_ATOMS);
    assert_eq!(world.tokens(&world.insurance), INSURED_ATOMS);
}

#[test]
fn nothing_leaves_a_stake_that_was_slashed_below_the_bond_until_the_relay_retires() {
    let mut world = World::relayed();
    // 300, 180, 108, 64.8.
    for sequence in 1..=3 {
        world.slash_once(sequence).unwrap();
    }
    let left = world.stake().position.staked_atoms;
    assert_eq!(left, 64_800_000_000);
    refused(world.request_unstake(1), Error::StakeBonded);
    world.retire_relay().unwrap();
    world.request_unstake(left).unwrap();
}

#[test]
fn shares_round_against_the_relay_and_no_atom_is_lost() {
    let mut world = World::relayed();
    let odd = RELAY_BOND_ATOMS + 3;
    world.request_unstake(STAKED_ATOMS - odd).unwrap();
    world.wait(COOL_DOWN_SECONDS);
    world.unstake().unwrap();
    world.slash_once(1).unwrap();
    // 40 % of 100,000,000,003 is 40,000,000,001.2: a penalty is rounded up. A quarter of that is rounded down.
    assert_eq!(world.tokens(&world.stake_permit()), odd - 40_000_000_002);
    assert_eq!(world.tokens(&world.mallory_permit), WALLET_PERMIT_ATOMS + 10_000_000_000);
    assert_eq!(world.tokens(&world.insurance), 30_000_000_002);
}

#[test]
fn slashing_works_during_a_pause() {
    let mut world = World::relayed().paused();
    world.slash_once(1).unwrap();
    assert_eq!(world.tokens(&world.insurance), INSURED_ATOMS);
}

#[test]
fn the_checks_may_stand_in_any_order_and_after_the_report() {
    for places in [(0, 1), (1, 0)] {
        let mut world = World::relayed();
        let report = world.slash_instruction(1, places);
        world.send(&[said(RELAY_KEY, 1, 1), said(RELAY_KEY, 1, 2), report], &[7]).unwrap();
        assert_eq!(world.relay().slash_count, 1);
    }
    let mut world = World::relayed();
    let report = world.slash_instruction(1, (2, 1));
    world.send(&[report, said(RELAY_KEY, 1, 1), said(RELAY_KEY, 1, 2)], &[7]).unwrap();
}

#[test]
fn a_signature_that_is_wrong_fails_the_transaction_wherever_it_stands() {
    let mut world = World::relayed();
    let mut wrong = said(RELAY_KEY, 1, 2);
    let last = wrong.data.len() - 1;
    wrong.data[last] ^= 1; // another content than the one that was signed
    let before = world.everything();
    let report = world.slash_instruction(1, (0, 1));
    assert!(world.send(&[said(RELAY_KEY, 1, 1), wrong.clone(), report], &[7]).is_err());
    let report = world.slash_instruction(1, (1, 2));
    assert!(world.send(&[report, said(RELAY_KEY, 1, 1), wrong], &[7]).is_err());
    assert!(before == world.everything());
}

#[test]
fn an_instruction_of_another_program_with_the_same_data_is_no_check() {
    let mut world = World::relayed();
    // To the system program these bytes assign an account to somebody: 1 signature and offset 0 are its `Assign`, and
    // what follows the new owner it does not read. So anybody could "sign" for anybody.
    let mut data = vec![1, 0, 0, 0, 255, 255, 16, 0, 255, 255, 48, 0, 102, 0, 255, 255];
    data.extend(keypair(RELAY_KEY).pubkey().to_bytes());
    data.extend(statement(1, 2).to_bytes());
    let pawn = keypair(13).pubkey();
    world.svm.airdrop(&pawn, SOL).unwrap();
    let accounts = vec![AccountMeta::new(pawn, true)];
    let forged = Instruction { program_id: Pubkey::default(), accounts, data };
    // On its own the instruction goes through: only the program's own look at it can refuse.
    let before = world.everything();
    let report = world.slash_instruction(1, (0, 1));
    refused(world.send(&[said(RELAY_KEY, 1, 1), forged.clone(), report], &[7, 13]), Error::NotEd25519);
    assert!(before == world.everything());
    world.send(&[forged], &[7, 13]).unwrap();
}

#[test]
fn a_check_whose_message_lies_in_another_instruction_is_refused() {
    // The precompile verifies the message of instruction 0, which the relay did sign; the bytes at the same place of
    // instruction 1 say something else.
    let honest = said(RELAY_KEY, 1, 1);
    for field in [4, 8, 14] {
        let mut world = World::relayed();
        let mut forged = honest.clone();
        forged.data[field..field + 2].copy_from_slice(&0u16.to_le_bytes());
        if field == 14 {
            let last = forged.data.len() - 1;
            forged.data[last] ^= 1;
        }
        // The precompile finds nothing wrong with it.
        world.send(&[honest.clone(), forged.clone()], &[7]).unwrap();
        refused(world.slash(1, [honest.clone(), forged]), Error::NotEd25519);
    }
}

#[test]
fn two_signatures_in_one_check_are_refused() {
    let mut world = World::relayed();
    let one = said(RELAY_KEY, 1, 2);
    // Both headers point at the same signature, 14 bytes further on.
    let mut header = one.data[2..16].to_vec();
    for field in [0, 4, 8] {
        let moved = u16::from_le_bytes([header[field], header[field + 1]]) + 14;
        header[field..field + 2].copy_from_slice(&moved.to_le_bytes());
    }
    let data = [&[2, 0], &header[..], &header[..], &one.data[16..]].concat();
    let two = Instruction { data, ..one };
    world.send(std::slice::from_ref(&two), &[7]).unwrap();
    refused(world.slash(1, [said(RELAY_KEY, 1, 1), two]), Error::NotEd25519);
}

#[test]
fn the_reporters_share_goes_to_the_reporter_alone() {
    let mut world = World::relayed();
    let report = world.slash_instruction(1, (0, 1));
    // Anchor's "the token account has another owner".
    assert_eq!(code(world.with_another(report, (world.mallory_permit, world.owner_permit), 7)), 2_015);
}

#[test]
fn the_rest_of_what_is_slashed_goes_to_no_account_but_the_insurance() {
    let mut world = World::relayed();
    let report = world.slash_instruction(1, (0, 1));
    let swap = (world.insurance, world.owner_permit);
    assert_eq!(code(world.with_another(report, swap, 7)), NOT_THE_NAMED_ONE);
}

#[test]
fn statements_are_read_from_this_transaction_and_from_no_account_made_to_look_like_it() {
    let mut world = World::relayed();
    let report = world.slash_instruction(1, (0, 1));
    let sysvar = solana_sdk::sysvar::instructions::ID;
    world.put(address(90), sysvar, &[0; 256]);
    // Anchor's "another address is expected here".
    assert_eq!(code(world.with_another(report, (sysvar, address(90)), 7)), 2_012);
}

#[test]
fn only_the_relay_that_signed_is_slashed() {
    let mut world = World::relayed();
    // Mallory runs a relay too, under another key, and is reported with the owner's statements.
    let (config, mallory) = (world.config(), world.mallory.pubkey());
    let open = build::open_stake(&config, &mallory, &mallory);
    let add = build::add_stake(&config, &mallory, &world.mallory_permit, STAKED_ATOMS);
    let register = build::register_relay(&mallory, &keypair(THIRD_KEY).pubkey(), ENDPOINT);
    world.send(&[open, add, register], &[7, THIRD_KEY]).unwrap();
    let report =
        build::Report { reporter: world.owner.pubkey(), reporter_permit: world.owner_permit, operator: mallory };
    let args = chain::SlashRelayArgs { stream: STREAM, sequence: 1, first_instruction: 0, second_instruction: 1 };
    let slash = build::slash_relay(&config, &report, args);
    let checks = [said(RELAY_KEY, 1, 1), said(RELAY_KEY, 1, 2)];
    refused(world.send(&[checks[0].clone(), checks[1].clone(), slash.clone()], &[6]), Error::NotRelayKey);
    // Nor can another stake pay for it.
    let mut swapped = slash;
    for account in &mut swapped.accounts {
        if account.pubkey == chain::relay_address(&mallory) {
            account.pubkey = world.relay_address();
        }
    }
    assert!(world.send(&[checks[0].clone(), checks[1].clone(), swapped], &[6]).is_err());
    assert_eq!(world.stake().position.staked_atoms, STAKED_ATOMS);
}
