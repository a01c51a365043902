//! The program through the real upgradeable loader, with the very instructions a deployment sends, and what it costs.

use std::mem::take;

use permitpipe_sdk::chain::{self, PROGRAM_ID, PermitPipeError as Error, instruction as build};
use solana_loader_v3_interface::{instruction as loader, state::UpgradeableLoaderState};
use solana_sdk::{
    account::Account,
    clock::Clock,
    instruction::{Instruction, InstructionError},
    message::Message,
    pubkey::Pubkey,
    signer::Signer,
    transaction::{Transaction, TransactionError},
};

use crate::{artifact, ground::*, world::*};

const DEPLOYER: u8 = 1;
const MALLORY: u8 = 7;
/// Accounts the code is written to before it is deployed; each is used once.
const FIRST_BUFFER: u8 = 40;
const SECOND_BUFFER: u8 = 41;

/// The mints and wallets of every test, but nothing where the program will be.
fn empty() -> World {
    let mut world = World::bare();
    for address in [PROGRAM_ID, chain::program_data_address()] {
        world.svm.set_account(address, Account::default()).unwrap();
        assert!(world.svm.get_account(&address).is_none());
    }
    world
}

/// Rent of an account of that many bytes.
fn rent(world: &World, bytes: usize) -> u64 {
    world.svm.minimum_balance_for_rent_exemption(bytes)
}

/// Writes `code` to the buffer of that number, in transactions as large as a packet allows. Returns how many.
fn write(world: &mut World, code: &[u8], (buffer, authority): (u8, u8)) -> usize {
    let (address, owner) = (keypair(buffer).pubkey(), keypair(authority).pubkey());
    let lamports = rent(world, UpgradeableLoaderState::size_of_buffer(code.len()));
    let create = loader::create_buffer(&owner, &address, &owner, lamports, code.len()).unwrap();
    world.send(&create, &[authority, buffer]).unwrap();
    let piece =
        |place: usize, bytes: &[u8]| loader::write(&address, &owner, u32::try_from(place).unwrap(), bytes.to_vec());
    // A length of more than 127 takes one byte more.
    let room = PACKET_BYTES - legacy_bytes(&[piece(0, &[])], &[authority]) - 1;
    let mut count = 0;
    for (place, bytes) in code.chunks(room).enumerate() {
        let write = piece(place * room, bytes);
        assert!(legacy_bytes(std::slice::from_ref(&write), &[authority]) <= PACKET_BYTES);
        world.send(&[write], &[authority]).unwrap();
        count += 1;
    }
    count
}

/// Deploys from the buffer under the program's address. Nobody here has the key of that address, so signatures are not
/// looked at for this one transaction. Returns how many transactions wrote the code.
fn deploy(world: &mut World, code: &[u8]) -> usize {
    let writes = write(world, code, (FIRST_BUFFER, DEPLOYER));
    let (deployer, buffer) = (keypair(DEPLOYER), keypair(FIRST_BUFFER).pubkey());
    let owner = deployer.pubkey();
    let lamports = rent(world, UpgradeableLoaderState::size_of_program());
    let deploy =
        loader::deploy_with_max_program_len(&owner, &PROGRAM_ID, &buffer, &owner, lamports, code.len(), true).unwrap();
    world.svm = take(&mut world.svm).with_sigverify(false);
    let mut transaction = Transaction::new_unsigned(Message::new(&deploy, Some(&owner)));
    transaction.partial_sign(&[&deployer], world.svm.latest_blockhash());
    world.svm.send_transaction(transaction).unwrap();
    world.svm = take(&mut world.svm).with_sigverify(true);
    // Code runs from the slot after its deployment.
    world.next_slot();
    writes
}

/// What the loader knows of the program, as it lays it out: the slot of its code, and who may upgrade it.
fn record(world: &World) -> (u64, Option<Pubkey>) {
    let data = world.data(&chain::program_data_address());
    assert_eq!(data[..4], [3, 0, 0, 0], "program data");
    let authority = (data[12] == 1).then(|| Pubkey::try_from(&data[13..45]).unwrap());
    (u64::from_le_bytes(data[4..12].try_into().unwrap()), authority)
}

fn upgrade(by: u8, buffer: u8) -> Instruction {
    let by = keypair(by).pubkey();
    loader::upgrade(&PROGRAM_ID, &keypair(buffer).pubkey(), &by, &by, true)
}

/// The same code with another wording of one message.
fn reworded(mut code: Vec<u8>) -> Vec<u8> {
    let (was, is) = (b"The program is paused already", b"THE PROGRAM IS PAUSED ALREADY");
    let place = code.windows(was.len()).position(|window| window == was).unwrap();
    code[place..place + is.len()].copy_from_slice(is);
    code
}

#[test]
fn the_program_is_deployed_and_upgraded_by_its_authority_and_by_nobody_else() {
    let (mut world, code) = (empty(), artifact::program());
    assert!(world.initialize(world.initial()).is_err(), "there is no program yet");
    deploy(&mut world, &code);
    assert_eq!(record(&world), (0, Some(world.deployer.pubkey())));
    // The first instruction reads who may upgrade out of the loader's own record.
    let mallory = world.mallory.pubkey();
    let first = build::initialize_config(&mallory, &world.mints(), world.initial());
    refused(world.send(&[first], &[MALLORY]), Error::NotUpgradeAuthority);
    world.initialize(world.initial()).unwrap();
    world.send(&[build::pause(&world.guardian.pubkey())], &[3]).unwrap();

    write(&mut world, &reworded(code), (SECOND_BUFFER, MALLORY));
    let failure = world.send(&[upgrade(MALLORY, SECOND_BUFFER)], &[MALLORY]).expect_err("a stranger upgrades");
    assert_eq!(failure.err, TransactionError::InstructionError(0, InstructionError::IncorrectAuthority));
    // Nor does the authority deploy what somebody else wrote without being handed it.
    assert!(world.send(&[upgrade(DEPLOYER, SECOND_BUFFER)], &[DEPLOYER]).is_err());
    assert_eq!(record(&world).0, 0);

    let (buffer, deployer) = (keypair(SECOND_BUFFER).pubkey(), world.deployer.pubkey());
    let hand_over = loader::set_buffer_authority(&buffer, &mallory, &deployer);
    world.send(&[hand_over], &[MALLORY]).unwrap();
    world.send(&[upgrade(DEPLOYER, SECOND_BUFFER)], &[DEPLOYER]).unwrap();
    assert_eq!(record(&world), (1, Some(deployer)));
    world.next_slot();
    let again = world.send(&[build::pause(&world.guardian.pubkey())], &[3]).expect_err("paused twice");
    assert!(again.meta.pretty_logs().contains("THE PROGRAM IS PAUSED ALREADY"), "the new code runs on the old config");
    let clock: Clock = world.svm.get_sysvar();
    assert_eq!(clock.slot, 2);
}

#[test]
fn the_deployed_code_is_the_built_one_and_its_cost_is_known() {
    let (mut world, code) = (empty(), artifact::program());
    let before = world.svm.get_balance(&world.deployer.pubkey()).unwrap();
    let fees = world.fees;
    let writes = deploy(&mut world, &code);
    let spent = before - world.svm.get_balance(&world.deployer.pubkey()).unwrap() + world.fees - fees;
    let header = UpgradeableLoaderState::size_of_programdata_metadata();
    assert!(world.data(&chain::program_data_address())[header..] == code, "byte for byte");
    let program = rent(&world, UpgradeableLoaderState::size_of_program());
    let data = rent(&world, UpgradeableLoaderState::size_of_programdata(code.len()));
    println!(
        "{} bytes of code; rent {} + {} lamports = {}.{:09} SOL; fees of {writes} writes and the deployment {} lamports",
        code.len(),
        program,
        data,
        (program + data) / SOL,
        (program + data) % SOL,
        spent - program - data,
    );
    // The buffer's rent came back: what is left is the two accounts and a fee for each signature, of which the buffer and
    // the program sign one each.
    assert_eq!(spent, program + data + 5_000 * (u64::try_from(writes).unwrap() + 4));
    assert!(world.data(&keypair(FIRST_BUFFER).pubkey()).is_empty());
}
