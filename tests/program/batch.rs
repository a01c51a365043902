//! How many settlements of different vaults fit one transaction: by the size of a packet, and by what the runtime allows.
//!
//! The operator's cost of settling is one signature's fee per transaction, so this number is what makes batches cheap.

use permitpipe_sdk::chain::{self, SettleArgs, instruction as build};
use solana_sdk::{
    instruction::{Instruction, InstructionError},
    message::{AddressLookupTableAccount, VersionedMessage, v0},
    pubkey::Pubkey,
    signature::Keypair,
    signer::Signer,
    transaction::{TransactionError, VersionedTransaction},
};

use crate::{ground::*, world::*};

/// Keys of the owners under test start at this number.
const FIRST_OWNER: u8 = 100;
const OWNERS: u8 = 20;
/// Payer and settle authority.
const SIGNERS: [u8; 2] = [5, 4];
const TABLE_PROGRAM: Pubkey = Pubkey::from_str_const("AddressLookupTab1e1111111111111111111111111");

/// With a vault of 1 USDC for each owner.
fn crowded() -> World {
    let mut world = World::configured();
    let config = world.config();
    for number in FIRST_OWNER..FIRST_OWNER + OWNERS {
        let (owner, usdc) = (keypair(number).pubkey(), address(number));
        world.svm.airdrop(&owner, SOL).unwrap();
        world.put_tokens(usdc, world.usdc, owner, USDC);
        let open = build::open_vault(&config, &owner, CAP_ATOMS, CAP_LAMPORTS);
        let deposit = build::deposit_usdc(&config, &owner, &usdc, USDC);
        world.send(&[open, deposit], &[number]).unwrap();
    }
    world.next_slot();
    world
}

/// The first settlement of each of the first `count` vaults.
fn settlements(world: &World, count: u8) -> Vec<Instruction> {
    let args = SettleArgs { sequence: 1, amount_atoms: 1_000, receipt_count: 3, receipts_root: [9; 32] };
    let (config, payer) = (world.config(), world.payer.pubkey());
    let owners = (FIRST_OWNER..FIRST_OWNER + count).map(|number| keypair(number).pubkey());
    owners.map(|owner| build::settle(&config, &owner, &payer, args)).collect()
}

/// Writes a lookup table that holds `addresses`, as the table program lays it out.
fn put_table(world: &mut World, addresses: Vec<Pubkey>) -> AddressLookupTableAccount {
    let key = address(200);
    let mut data = vec![0; 56];
    data[0] = 1; // a table
    data[4..12].copy_from_slice(&u64::MAX.to_le_bytes()); // in use
    addresses.iter().for_each(|address| data.extend(address.as_ref()));
    world.put(key, TABLE_PROGRAM, &data);
    AddressLookupTableAccount { key, addresses }
}

/// The settlements in a transaction that looks addresses up.
fn looked_up(world: &World, count: u8, table: &AddressLookupTableAccount) -> VersionedTransaction {
    let (instructions, blockhash) = (settlements(world, count), world.svm.latest_blockhash());
    let tables = std::slice::from_ref(table);
    let message = v0::Message::try_compile(&world.payer.pubkey(), &instructions, tables, blockhash).unwrap();
    let keys: Vec<Keypair> = SIGNERS.map(keypair).into();
    VersionedTransaction::try_new(VersionedMessage::V0(message), &keys.iter().collect::<Vec<_>>()).unwrap()
}

fn bytes(transaction: &VersionedTransaction) -> usize {
    1 + 64 * transaction.signatures.len() + transaction.message.serialize().len()
}

/// The most settlements for which `bytes` says that the transaction fits a packet.
fn most(bytes: impl Fn(u8) -> usize) -> u8 {
    (1..=OWNERS).take_while(|&count| bytes(count) <= PACKET_BYTES).last().unwrap()
}

/// What every settlement names beside the signers and the program, which cannot be looked up.
fn shared(world: &World) -> Vec<Pubkey> {
    let settle = &settlements(world, 1)[0].accounts;
    [2, 5, 6, 8, 9, 10].map(|place| settle[place].pubkey).into()
}

/// The addresses of each vault that `places` of a settlement's accounts name.
fn of_each(world: &World, places: &[usize]) -> Vec<Pubkey> {
    let named = |settle: Instruction| places.iter().map(|&place| settle.accounts[place].pubkey).collect::<Vec<_>>();
    settlements(world, OWNERS).into_iter().flat_map(named).collect()
}

#[test]
fn a_transaction_of_the_old_format_settles_four_vaults() {
    let mut world = crowded();
    let most = most(|count| legacy_bytes(&settlements(&world, count), &SIGNERS));
    assert_eq!(most, 4);
    let batch = settlements(&world, most);
    println!("old format: {most} settlements, {} bytes", legacy_bytes(&batch, &SIGNERS));
    let events = events(world.send(&batch, &SIGNERS));
    assert_eq!(events.len(), usize::from(most));
    assert_eq!(world.tokens(&world.treasury), 1_000 * u64::from(most));
}

#[test]
fn lookup_tables_make_it_five_then_eight_then_eleven() {
    // What a table holds beyond the shared accounts: nothing, each vault and its tokens, each record too.
    for (places, expected) in [(&[][..], 5), (&[3, 4], 8), (&[3, 4, 7], 11)] {
        let mut world = crowded();
        let addresses = [shared(&world), of_each(&world, places)].concat();
        let table = put_table(&mut world, addresses);
        let most = most(|count| bytes(&looked_up(&world, count, &table)));
        let transaction = looked_up(&world, most, &table);
        let size = bytes(&transaction);
        let meta = world.svm.send_transaction(transaction).unwrap();
        let units = meta.compute_units_consumed;
        println!("table of {}: {most} settlements, {size} bytes, {units} units", table.addresses.len());
        assert_eq!(most, expected, "{places:?}");
        assert_eq!(world.tokens(&world.treasury), 1_000 * u64::from(most));
    }
}

#[test]
fn beyond_the_packet_the_runtime_itself_stops_at_sixteen_and_not_for_compute() {
    // Each settlement is four instructions to the runtime: itself, the record, the transfer and the event; 64 are allowed.
    let mut world = crowded();
    let before = world.everything();
    let too_many = settlements(&world, 17);
    let failure = world.send(&too_many, &SIGNERS).expect_err("seventeen");
    let error = InstructionError::MaxInstructionTraceLengthExceeded;
    assert_eq!(failure.err, TransactionError::InstructionError(16, error));
    assert!(before == world.everything(), "a batch is settled as a whole or not at all");
    let batch = settlements(&world, 16);
    let units = world.send(&batch, &SIGNERS).unwrap().compute_units_consumed;
    println!("16 settlements: {units} units");
    assert!(units < 1_400_000, "{units}");
    assert_eq!(world.tokens(&world.treasury), 16_000);
}

#[test]
fn one_bad_settlement_stops_the_whole_batch() {
    let mut world = crowded();
    let mut batch = settlements(&world, 4);
    let (config, payer) = (world.config(), world.payer.pubkey());
    let args = SettleArgs { sequence: 1, amount_atoms: USDC + 1, receipt_count: 1, receipts_root: [9; 32] };
    batch[3] = build::settle(&config, &keypair(FIRST_OWNER + 3).pubkey(), &payer, args);
    let before = world.everything();
    refused(world.send(&batch, &SIGNERS), chain::PermitPipeError::SettlementAboveBalance);
    assert!(before == world.everything());
}
