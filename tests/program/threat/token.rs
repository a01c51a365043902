//! Rows 11 and 13: mints, token accounts, and what anybody sends.

use anchor_lang::{error::ErrorCode, solana_program::system_instruction};
use permitpipe_sdk::chain::{self, PermitPipeError, instruction as build};
use solana_sdk::{account::Account, pubkey::Pubkey, signer::Signer};
#[allow(deprecated, reason = "as everywhere here: one crate for ids, accounts and instructions")]
use spl_token::instruction as spl;

use super::{refused_with, sweep, with};
use crate::world::*;

const TOKEN_2022: Pubkey = Pubkey::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
/// The token program's own refusals.
const OWNER_MISMATCH: u32 = 4;
const ACCOUNT_FROZEN: u32 = 0x11;

/// Extensions of a Token-2022 mint that could take, hold or hide money: their number and the length of their data.
const EXTENSIONS: [(u16, u16); 9] =
    [(1, 108), (3, 32), (4, 65), (6, 1), (9, 0), (10, 52), (12, 32), (14, 64), (26, 33)];

/// A mint of 6 decimals with one extension, as Token-2022 lays it out: padded to the length of a token account, a byte
/// that says it is a mint, then number, length and data of the extension.
fn modern_mint(extension: u16, bytes: u16) -> Vec<u8> {
    let mut data = vec![0; 165];
    (data[44], data[45]) = (6, 1);
    data.push(1);
    data.extend(extension.to_le_bytes());
    data.extend(bytes.to_le_bytes());
    data.resize(data.len() + usize::from(bytes), 0);
    data
}

#[test]
fn d2_11_mints_wrong_ones() {
    // Wherever a mint stands, the other one, one of nobody and one of Token-2022 with each extension in turn are refused.
    let mut tried = 0;
    sweep(|case, world, instruction| {
        let (nobodys, modern) = (address(91), address(92));
        world.put_mint(nobodys, 6, spl_token::ID);
        let (extension, bytes) = EXTENSIONS[tried / 3 % EXTENSIONS.len()];
        world.put(modern, TOKEN_2022, &modern_mint(extension, bytes));
        for (place, meta) in instruction.accounts.iter().enumerate() {
            let other = match meta.pubkey {
                mint if mint == world.usdc => world.permit,
                mint if mint == world.permit => world.usdc,
                _ => continue,
            };
            for mint in [other, nobodys, modern] {
                let result = case.send(world, with(instruction, place, mint));
                let error = super::refusal(world, result, &format!("{} with another mint", case.name));
                if mint == modern {
                    let expected = u32::from(ErrorCode::AccountOwnedByWrongProgram);
                    assert_eq!(error, solana_sdk::instruction::InstructionError::Custom(expected), "{}", case.name);
                }
                tried += 1;
            }
        }
    });
    // Three at each place, so all extensions had their turn.
    assert!(tried > 50 && tried / 3 > EXTENSIONS.len(), "only {tried} mints");
}

#[test]
fn d2_11_mints_wrong_token_accounts() {
    // A wallet's token account of the other mint, of a fake token program or of Token-2022 is refused.
    let mut tried = 0;
    sweep(|case, world, instruction| {
        for (place, meta) in instruction.accounts.iter().enumerate().filter(|_| !case.is_first) {
            let Some(account) = world.svm.get_account(&meta.pubkey).filter(|account| account.data.len() == 165) else {
                continue;
            };
            let (mint, holder) = (&account.data[..32], Pubkey::try_from(&account.data[32..64]).unwrap());
            let other = if mint == world.usdc.as_ref() { world.permit } else { world.usdc };
            let same = Pubkey::try_from(mint).unwrap();
            for (index, (mint, program)) in
                [(other, spl_token::ID), (same, address(44)), (same, TOKEN_2022)].into_iter().enumerate()
            {
                let fake = address(95 + u8::try_from(index).unwrap());
                world.put(fake, program, &token_account(mint, holder, WALLET_ATOMS));
                let result = case.send(world, with(instruction, place, fake));
                super::refusal(world, result, &format!("{} with token account {index} at {place}", case.name));
                tried += 1;
            }
        }
    });
    assert!(tried > 100, "only {tried} token accounts");
}

#[test]
fn d2_11_mints_a_frozen_vault_stops_itself_and_no_other() {
    let mut world = World::funded();
    let open = build::open_vault(&world.config(), &world.mallory.pubkey(), CAP_ATOMS, CAP_LAMPORTS);
    world.send(&[open], &[7]).unwrap();
    let mut data = world.data(&world.vault_usdc());
    data[108] = 2; // frozen
    world.put(world.vault_usdc(), spl_token::ID, &data);
    let result = world.settle(1, USDC);
    refused_with(&world, result, &[ACCOUNT_FROZEN], "a settlement out of a frozen account");
    let deposit = build::deposit_usdc(&world.config(), &world.mallory.pubkey(), &world.mallory_usdc, USDC);
    world.send(&[deposit], &[7]).unwrap();
    // SOL of the frozen vault is free.
    world.deposit_sol(SOL).unwrap();
    world.settle_sol(1, USDC, SOL).unwrap();
}

#[test]
fn d2_11_mints_nobody_can_hang_a_delegate_or_a_close_authority_on_a_vault() {
    let mut world = World::funded();
    let (account, mallory) = (world.vault_usdc(), world.mallory.pubkey());
    for by in [6, 7] {
        let signer = keypair(by).pubkey();
        let close = spl::AuthorityType::CloseAccount;
        let holder = spl::AuthorityType::AccountOwner;
        for instruction in [
            spl::approve(&spl_token::ID, &account, &mallory, &signer, &[], USDC).unwrap(),
            spl::set_authority(&spl_token::ID, &account, Some(&mallory), close, &signer, &[]).unwrap(),
            spl::set_authority(&spl_token::ID, &account, Some(&mallory), holder, &signer, &[]).unwrap(),
            spl::transfer(&spl_token::ID, &account, &world.mallory_usdc, &signer, &[], USDC).unwrap(),
        ] {
            let result = world.send(&[instruction], &[by]);
            refused_with(&world, result, &[OWNER_MISMATCH], "the vault's own signature is needed");
        }
    }
    // A delegate on the owner's wallet is no owner: it cannot deposit for it, and its presence disturbs nothing.
    let approve = spl::approve(&spl_token::ID, &world.owner_usdc, &mallory, &world.owner.pubkey(), &[], USDC).unwrap();
    world.send(&[approve], &[6]).unwrap();
    let deposit = with(&world.deposit_instruction(USDC), 0, mallory);
    let result = world.send(&[deposit], &[7]);
    refused_with(&world, result, &[PermitPipeError::NotOwner.into()], "a deposit by the delegate");
    world.deposit(USDC).unwrap();
}

#[test]
fn d2_11_mints_decimals_are_those_of_usdc() {
    // Credits are USDC atoms one to one.
    for decimals in [0, 5, 7, 9, 255] {
        let mut world = World::bare();
        world.put_mint(world.usdc, decimals, spl_token::ID);
        let result = world.initialize(world.initial());
        refused_with(&world, result, &[PermitPipeError::BadUsdcMint.into()], "decimals");
    }
}

#[test]
fn d2_13_donations_before_an_account_exists_stop_nothing() {
    let mut world = World::configured();
    let (vault, stake) = (world.vault_address(), chain::stake_address(&world.owner.pubkey()));
    let next = chain::settlement_address(&vault, 1);
    for (place, lamports) in [(vault, 1_000_000), (world.vault_usdc(), 50_000_000), (next, 890_881), (stake, 1)] {
        let account = Account { lamports, ..Account::default() };
        world.svm.set_account(place, account).unwrap();
    }
    world.open(CAP_ATOMS).unwrap();
    world.deposit(USDC).unwrap();
    world.deposit_sol(SOL).unwrap();
    assert_eq!(world.vault().sol.credited_atoms, SOL, "what came before the vault is no credit");
    world.settle(1, USDC).unwrap();
    let open = build::open_stake(&world.config(), &world.owner.pubkey(), &world.owner.pubkey());
    world.send(&[open], &[6]).unwrap();
}

#[test]
fn d2_13_donations_are_not_credited_and_disturb_nothing() {
    let mut world = World::funded_twice();
    let (vault, mallory) = (world.vault_address(), world.mallory.pubkey());
    let tokens = spl::transfer(&spl_token::ID, &world.mallory_usdc, &world.vault_usdc(), &mallory, &[], 7).unwrap();
    let lamports = system_instruction::transfer(&mallory, &vault, 9);
    world.send(&[tokens, lamports], &[7]).unwrap();
    let books = world.vault();
    assert_eq!((books.usdc.credited_atoms, books.sol.credited_atoms), (100 * USDC, 10 * SOL));
    // Neither withdrawn nor settled: the balance by the books is the limit.
    let result = world.request(100 * USDC + 1);
    refused_with(&world, result, &[PermitPipeError::InsufficientBalance.into()], "donated tokens");
    let result = world.request_sol(10 * SOL + 1);
    refused_with(&world, result, &[PermitPipeError::InsufficientBalance.into()], "donated lamports");
    world.deposit(USDC).unwrap();
    world.settle(1, USDC).unwrap();
    world.withdraw_all();
    let rent = world.svm.minimum_balance_for_rent_exemption(chain::Vault::SIZE);
    assert_eq!((world.tokens(&world.vault_usdc()), world.lamports(&vault)), (7, rent + 9));
}
