//! Accounts and transactions built to deceive: each ends in an error and moves nothing.

use anchor_lang::{AccountSerialize, error::ErrorCode};
use litesvm::types::TransactionResult;
use permitpipe_sdk::chain::{self, Config, PROGRAM_ID, PermitPipeError, SettleArgs, instruction as build};
use solana_sdk::{
    instruction::{AccountMeta, Instruction, InstructionError},
    pubkey::Pubkey,
    signer::Signer,
    transaction::TransactionError,
};

use crate::world::*;

/// Positions of accounts in `deposit_usdc` and `execute_withdrawal`.
const CONFIG: usize = 1;
const VAULT: usize = 2;
const VAULT_USDC: usize = 3;
const OWNER_USDC: usize = 4;
const MINT: usize = 5;
const TOKEN_PROGRAM: usize = 6;

/// Sends `instruction` with one account replaced, and asserts Anchor's refusal and that nothing moved.
fn replaced(world: &mut World, instruction: Instruction, place: usize, with: Pubkey, signers: &[u8], error: ErrorCode) {
    let mut instruction = instruction;
    instruction.accounts[place].pubkey = with;
    let before = world.snapshot();
    assert_eq!(code(world.send(&[instruction], signers)), u32::from(error));
    assert!(before == world.snapshot());
}

fn instruction_error(result: TransactionResult) -> InstructionError {
    match result.expect_err("must be refused").err {
        TransactionError::InstructionError(_, error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_instruction_works_without_its_signature() {
    let mut world = World::funded();
    let (owner, admin) = (world.owner.pubkey(), world.admin.pubkey());
    let config = world.config();
    for mut instruction in [
        build::set_cap(&owner, Asset::Usdc, 1),
        world.deposit_instruction(USDC),
        build::request_withdrawal(&owner, Asset::Usdc, USDC),
        build::cancel_withdrawal(&owner, Asset::Usdc),
        world.execute_instruction(),
        build::propose_change(&admin, chain::Change::Limits(chain::Limits { settle_cap_atoms: 1, ..LIMITS })),
        build::accept_change(&admin),
        build::cancel_change(&admin),
        build::pause(&admin),
        build::unpause(&admin),
        build::lower_settle_cap(&admin, Asset::Usdc, 0),
    ] {
        instruction.accounts[0].is_signer = false;
        assert_eq!(code(world.send(&[instruction], &[7])), u32::from(ErrorCode::AccountNotSigner));
    }
    let mut settle = world.settle_instruction(1, USDC);
    settle.accounts[1].is_signer = false;
    assert_eq!(code(world.send(&[settle], &[5])), u32::from(ErrorCode::AccountNotSigner));
    let mut open = build::open_vault(&config, &world.guardian.pubkey(), 1, CAP_LAMPORTS);
    open.accounts[0].is_signer = false;
    assert_eq!(code(world.send(&[open], &[7])), u32::from(ErrorCode::AccountNotSigner));
}

#[test]
fn an_account_of_another_kind_is_no_vault_and_no_config() {
    let mut world = World::funded();
    let (deposit, vault) = (world.deposit_instruction(USDC), world.vault_address());
    let mismatch = ErrorCode::AccountDiscriminatorMismatch;
    replaced(&mut world, deposit.clone(), VAULT, chain::config_address(), &[6], mismatch);
    let mismatch = ErrorCode::AccountDiscriminatorMismatch;
    replaced(&mut world, deposit, CONFIG, vault, &[6], mismatch);
}

#[test]
fn a_forged_config_is_refused_wherever_it_stands_and_whoever_owns_it() {
    let mut world = World::funded();
    let mut forged: Config = world.config();
    forged.settle_authority = world.mallory.pubkey();
    forged.treasury = world.mallory_usdc;
    forged.limits.settle_cap_atoms = u64::MAX;
    let mut data = Vec::new();
    forged.try_serialize(&mut data).unwrap();
    data.resize(Config::SIZE, 0);
    let (owner, mallory) = (world.owner.pubkey(), world.mallory.pubkey());
    let args = SettleArgs { sequence: 1, amount_atoms: USDC, receipt_count: 1, receipts_root: [0; 32] };
    let settle = build::settle(&forged, &owner, &mallory, args);
    let (ours, theirs) = (address(40), address(41));
    world.put(ours, PROGRAM_ID, &data);
    world.put(theirs, address(42), &data);
    replaced(&mut world, settle.clone(), 2, ours, &[7], ErrorCode::ConstraintSeeds);
    replaced(&mut world, settle, 2, theirs, &[7], ErrorCode::AccountOwnedByWrongProgram);
}

#[test]
fn a_vault_at_another_address_is_refused_even_if_its_data_is_perfect() {
    let mut world = World::funded();
    // As a non-canonical bump would give: our data, our owner, another address.
    let (seeds, canonical) = ([b"vault".as_ref(), world.owner.pubkey().as_ref()].concat(), world.vault().bump);
    let other = (0..canonical)
        .rev()
        .find_map(|bump| Pubkey::create_program_address(&[&seeds[..5], &seeds[5..], &[bump]], &PROGRAM_ID).ok());
    let other = other.unwrap();
    let data = encode(&world.vault());
    world.put(other, PROGRAM_ID, &data);
    let mut deposit = world.deposit_instruction(USDC);
    deposit.accounts[VAULT].pubkey = other;
    assert_eq!(code(world.send(&[deposit], &[6])), u32::from(ErrorCode::ConstraintSeeds));
    // And open_vault creates nothing but the canonical address.
    let mut open = build::open_vault(&world.config(), &world.mallory.pubkey(), 1, CAP_LAMPORTS);
    open.accounts[2].pubkey = other;
    assert_eq!(code(world.send(&[open], &[7])), u32::from(ErrorCode::ConstraintSeeds));
}

#[test]
fn token_accounts_that_are_not_the_vaults_or_the_owners_are_refused() {
    let mut world = World::funded();
    let deposit = world.deposit_instruction(USDC);
    let (mallory_usdc, vault_usdc) = (world.mallory_usdc, world.vault_usdc());
    replaced(&mut world, deposit.clone(), VAULT_USDC, mallory_usdc, &[6], ErrorCode::ConstraintSeeds);
    replaced(&mut world, deposit.clone(), OWNER_USDC, mallory_usdc, &[6], ErrorCode::ConstraintTokenOwner);
    replaced(&mut world, deposit.clone(), OWNER_USDC, vault_usdc, &[6], ErrorCode::ConstraintDuplicateMutableAccount);
    // A token account of a token program that is not SPL's.
    let fake = address(43);
    let data = token_account(world.usdc, world.owner.pubkey(), WALLET_ATOMS);
    world.put(fake, address(44), &data);
    replaced(&mut world, deposit.clone(), OWNER_USDC, fake, &[6], ErrorCode::AccountOwnedByWrongProgram);
    // The right program, another mint.
    let permit_wallet = address(45);
    world.put_tokens(permit_wallet, world.permit, world.owner.pubkey(), WALLET_ATOMS);
    replaced(&mut world, deposit, OWNER_USDC, permit_wallet, &[6], ErrorCode::ConstraintTokenMint);
}

#[test]
fn a_withdrawal_goes_to_nobody_but_the_owner() {
    let mut world = World::funded();
    world.request(USDC).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    let (execute, mallory_usdc, treasury) = (world.execute_instruction(), world.mallory_usdc, world.treasury);
    for destination in [mallory_usdc, treasury] {
        let error = ErrorCode::ConstraintTokenOwner;
        replaced(&mut world, execute.clone(), OWNER_USDC, destination, &[6], error);
    }
}

#[test]
fn other_mints_and_other_token_programs_are_refused() {
    let mut world = World::funded();
    let (deposit, permit) = (world.deposit_instruction(USDC), world.permit);
    replaced(&mut world, deposit.clone(), MINT, permit, &[6], ErrorCode::ConstraintHasOne);
    replaced(&mut world, deposit.clone(), TOKEN_PROGRAM, PROGRAM_ID, &[6], ErrorCode::InvalidProgramId);
    let token_2022 = Pubkey::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
    replaced(&mut world, deposit, TOKEN_PROGRAM, token_2022, &[6], ErrorCode::InvalidProgramId);
    // Nor does the config ever point to a mint of Token-2022.
    let mut world = World::bare();
    world.put_mint(world.permit, 9, token_2022);
    let result = world.initialize(world.initial());
    assert_eq!(code(result), u32::from(ErrorCode::AccountOwnedByWrongProgram));
}

#[test]
fn one_token_account_cannot_be_both_ends_of_a_transfer() {
    let mut world = World::funded();
    // The treasury being the vault's own account would settle without paying.
    let mut settle = world.settle_instruction(1, USDC);
    settle.accounts[5].pubkey = world.vault_usdc();
    let refused = code(world.send(&[settle], &[5, 4]));
    assert_eq!(refused, u32::from(ErrorCode::ConstraintDuplicateMutableAccount));
}

#[test]
fn a_treasury_of_another_mint_is_refused_at_the_start() {
    let mut world = World::bare();
    world.put_tokens(world.treasury, world.permit, address(25), 0);
    let result = world.initialize(world.initial());
    assert_eq!(code(result), u32::from(ErrorCode::ConstraintTokenMint));
}

#[test]
fn the_config_is_made_once_and_only_with_the_programs_own_loader_record() {
    let mut world = World::configured();
    // The address is in use: the system program's error 0.
    assert_eq!(code(world.initialize(world.initial())), 0);
    let mut world = World::bare();
    let forged = address(46);
    let mut data = world.data(&chain::program_data_address());
    data[13..45].copy_from_slice(world.mallory.pubkey().as_ref());
    world.put(forged, anchor_lang::solana_program::bpf_loader_upgradeable::ID, &data[..45]);
    let mut instruction = build::initialize_config(&world.mallory.pubkey(), &world.mints(), world.initial());
    instruction.accounts[5].pubkey = forged;
    assert_eq!(code(world.send(&[instruction], &[7])), u32::from(ErrorCode::ConstraintSeeds));
}

#[test]
fn a_fake_instructions_sysvar_is_refused() {
    let mut world = World::configured();
    let fake = address(47);
    world.put(fake, Pubkey::from_str_const("Sysvar1111111111111111111111111111111111111"), &[0; 64]);
    let mut instruction = build::pause(&world.guardian.pubkey());
    instruction.accounts[2].pubkey = fake;
    assert_eq!(code(world.send(&[instruction], &[3])), u32::from(ErrorCode::ConstraintAddress));
}

#[test]
fn nobody_else_can_make_the_program_emit_an_event() {
    let mut world = World::funded();
    let result = world.deposit(USDC).unwrap();
    let inner = result.inner_instructions.iter().flatten();
    let event = inner.map(|inner| inner.instruction.data.clone()).find(|data| data.starts_with(&[0xe4, 0x45])).unwrap();
    let authority = Pubkey::find_program_address(&[b"__event_authority"], &PROGRAM_ID).0;
    for (signs, place) in [(true, world.mallory.pubkey()), (false, authority)] {
        let accounts = vec![AccountMeta::new_readonly(place, signs)];
        let instruction = Instruction { program_id: PROGRAM_ID, accounts, data: event.clone() };
        assert!(world.send(&[instruction], &[7]).is_err());
    }
}

#[test]
fn lamports_sent_to_addresses_before_they_exist_stop_nothing() {
    let mut world = World::configured();
    let next = chain::settlement_address(&world.vault_address(), 1);
    for (place, lamports) in [(world.vault_address(), 1_000_000), (world.vault_usdc(), 50_000_000), (next, 890_881)] {
        world.svm.airdrop(&place, lamports).unwrap();
    }
    world.open(CAP_ATOMS).unwrap();
    world.deposit(USDC).unwrap();
    world.settle(1, USDC).unwrap();
}

#[test]
fn tokens_sent_to_a_vault_are_not_credited_and_disturb_nothing() {
    let mut world = World::funded();
    let transfer = spl_token::instruction::transfer(
        &spl_token::ID,
        &world.mallory_usdc,
        &world.vault_usdc(),
        &world.mallory.pubkey(),
        &[],
        7,
    )
    .unwrap();
    world.send(&[transfer], &[7]).unwrap();
    assert_eq!(world.vault().usdc.credited_atoms, 100 * USDC);
    world.deposit(USDC).unwrap();
    world.settle(1, USDC).unwrap();
    world.request(100 * USDC).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    world.execute().unwrap();
    assert_eq!(world.tokens(&world.vault_usdc()), 7);
}

#[test]
fn a_frozen_vault_stops_itself_and_no_other() {
    let mut world = World::funded();
    let open = build::open_vault(&world.config(), &world.mallory.pubkey(), CAP_ATOMS, CAP_LAMPORTS);
    world.send(&[open], &[7]).unwrap();
    let mut data = world.data(&world.vault_usdc());
    data[108] = 2; // frozen
    world.put(world.vault_usdc(), spl_token::ID, &data);
    assert_eq!(code(world.settle(1, USDC)), 0x11); // the token program: account is frozen
    let deposit = build::deposit_usdc(&world.config(), &world.mallory.pubkey(), &world.mallory_usdc, USDC);
    world.send(&[deposit], &[7]).unwrap();
}

#[test]
fn two_vaults_share_no_authority() {
    let mut world = World::funded();
    let (mallory, config) = (world.mallory.pubkey(), world.config());
    world.send(&[build::open_vault(&config, &mallory, CAP_ATOMS, CAP_LAMPORTS)], &[7]).unwrap();
    world.send(&[build::deposit_usdc(&config, &mallory, &world.mallory_usdc, USDC)], &[7]).unwrap();
    world.send(&[build::request_withdrawal(&mallory, Asset::Usdc, USDC)], &[7]).unwrap();
    world.wait(WITHDRAWAL_DELAY_SECONDS);
    let mut execute = build::execute_withdrawal(&config, &mallory, &world.mallory_usdc);
    execute.accounts[VAULT_USDC].pubkey = world.vault_usdc();
    assert_eq!(code(world.send(&[execute], &[7])), u32::from(ErrorCode::ConstraintSeeds));
    assert_eq!(world.tokens(&world.vault_usdc()), 100 * USDC);
}

#[test]
fn a_second_vault_of_one_owner_is_refused() {
    let mut world = World::funded();
    assert_eq!(code(world.open(CAP_ATOMS)), 0);
    assert_eq!(world.vault().usdc.credited_atoms, 100 * USDC);
}

#[test]
fn one_refused_instruction_undoes_its_whole_transaction() {
    let mut world = World::funded();
    let before = world.snapshot();
    let (first, replay) = (world.settle_instruction(1, USDC), world.settle_instruction(1, 2 * USDC));
    refused(world.send(&[first, replay], &[5, 4]), PermitPipeError::WrongSequence);
    assert!(before == world.snapshot());
}

#[test]
fn accounts_left_out_are_a_clean_error() {
    let mut world = World::funded();
    for count in 0..world.deposit_instruction(USDC).accounts.len() {
        let mut deposit = world.deposit_instruction(USDC);
        deposit.accounts.truncate(count);
        let error = instruction_error(world.send(&[deposit], &[6]));
        assert!(
            matches!(error, InstructionError::Custom(3005) | InstructionError::MissingAccount),
            "{count}: {error:?}"
        );
    }
}
