//! Instructions on vaults and settlements.

use permitpipe_sdk::chain::{SettleArgs, SettleSolArgs, instruction as build, vault_address};
use permitpipe_tests::random::Random;

use super::{
    super::{
        ground::{Attempt, Ground, PAYER, PEOPLE, SETTLERS, STRANGER, key, usdc_of},
        model::balance,
    },
    Act, amount, mostly, somebody,
};
use crate::world::{Asset, MIN_DEPOSIT_ATOMS, MIN_DEPOSIT_LAMPORTS, SOL, USDC};

pub const ACTS: &[(&str, Act)] = &[
    ("open_vault", open),
    ("set_cap", set_cap),
    ("deposit_usdc", deposit_usdc),
    ("deposit_sol", deposit_sol),
    ("request_withdrawal", request),
    ("cancel_withdrawal", cancel),
    ("execute_withdrawal", execute_usdc),
    ("execute_sol_withdrawal", execute_sol),
    ("close_vault", close),
    ("settle", settle),
    ("settle_sol", settle_sol),
    ("close_settlement", close_settlement),
];

const ROOT: [u8; 32] = [9; 32];

fn asset(random: &mut Random) -> Asset {
    *random.pick(&[Asset::Usdc, Asset::Sol])
}

fn held(ground: &Ground, who: usize, asset: Asset) -> i128 {
    ground.model.people[who].vault.as_ref().map_or(0, |vault| balance(vault, asset))
}

fn open(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    let (atoms, lamports) = (amount(random, &[(100 * USDC).into()]), amount(random, &[SOL.into()]));
    let instruction = build::open_vault(&ground.world.config(), &key(PEOPLE[who]), atoms, lamports);
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.open_vault(who, (atoms.into(), lamports.into())))
}

fn set_cap(ground: &Ground, random: &mut Random) -> Attempt {
    let (who, asset) = (somebody(random), asset(random));
    let cap = amount(random, &[(100 * USDC).into(), SOL.into(), i64::MAX.into()]);
    let instruction = build::set_cap(&key(PEOPLE[who]), asset, cap);
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.set_cap(who, asset, cap.into()))
}

fn deposit_usdc(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    let atoms = amount(random, &[MIN_DEPOSIT_ATOMS.into(), (20 * USDC).into(), ground.model.people[who].usdc / 50]);
    let instruction = build::deposit_usdc(&ground.world.config(), &key(PEOPLE[who]), &usdc_of(who), atoms);
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.deposit(who, Asset::Usdc, atoms.into()))
}

fn deposit_sol(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    let lamports = amount(random, &[MIN_DEPOSIT_LAMPORTS.into(), SOL.into()]);
    let instruction = build::deposit_sol(&key(PEOPLE[who]), lamports);
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.deposit(who, Asset::Sol, lamports.into()))
}

fn request(ground: &Ground, random: &mut Random) -> Attempt {
    let (who, asset) = (somebody(random), asset(random));
    let most = held(ground, who, asset);
    // Often all of it, so that vaults get empty and can be closed.
    let atoms = if random.once_in(2) { u64::try_from(most).unwrap() } else { amount(random, &[most]) };
    let instruction = build::request_withdrawal(&key(PEOPLE[who]), asset, atoms);
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.request_withdrawal(who, asset, atoms.into()))
}

fn cancel(ground: &Ground, random: &mut Random) -> Attempt {
    let (who, asset) = (somebody(random), asset(random));
    let instruction = build::cancel_withdrawal(&key(PEOPLE[who]), asset);
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.cancel_withdrawal(who, asset))
}

fn execute_usdc(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    let instruction = build::execute_withdrawal(&ground.world.config(), &key(PEOPLE[who]), &usdc_of(who));
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.execute_withdrawal(who, Asset::Usdc))
}

fn execute_sol(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    let instruction = build::execute_sol_withdrawal(&key(PEOPLE[who]));
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.execute_withdrawal(who, Asset::Sol))
}

fn close(ground: &Ground, random: &mut Random) -> Attempt {
    let who = somebody(random);
    let instruction = build::close_vault(&ground.world.config(), &key(PEOPLE[who]), &usdc_of(who));
    ground.attempt(vec![instruction], &[PEOPLE[who]], |model| model.close_vault(who))
}

/// Mostly the next number.
fn sequence(ground: &Ground, who: usize, random: &mut Random) -> u64 {
    let last = ground.model.people[who].vault.as_ref().map_or(0, |vault| vault.settle_sequence);
    if random.once_in(8) { last + random.below(4) } else { last + 1 }
}

fn settle(ground: &Ground, random: &mut Random) -> Attempt {
    let (who, by) = (somebody(random), mostly(random, ground.model.config.settler, &[STRANGER, SETTLERS[1]]));
    let sequence = sequence(ground, who, random);
    let atoms = amount(random, &[held(ground, who, Asset::Usdc), USDC.into()]);
    let mut config = ground.world.config();
    config.settle_authority = key(by);
    let args = SettleArgs { sequence, amount_atoms: atoms, receipt_count: 1, receipts_root: ROOT };
    let instruction = build::settle(&config, &key(PEOPLE[who]), &key(PAYER), args);
    let terms = (atoms.into(), atoms.into());
    ground.attempt(vec![instruction], &[by], |model| model.settle(by, who, sequence, Asset::Usdc, terms))
}

fn settle_sol(ground: &Ground, random: &mut Random) -> Attempt {
    let (who, by) = (somebody(random), mostly(random, ground.model.config.settler, &[STRANGER, SETTLERS[1]]));
    let sequence = sequence(ground, who, random);
    let held_lamports = amount(random, &[held(ground, who, Asset::Sol), (SOL / 100).into()]);
    let charge_credits = amount(random, &[(10 * USDC).into(), 100]);
    let mut config = ground.world.config();
    config.settle_authority = key(by);
    let args = SettleSolArgs { sequence, charge_credits, held_lamports, receipt_count: 1, receipts_root: ROOT };
    let instruction = build::settle_sol(&config, &key(PEOPLE[who]), &key(PAYER), args);
    let terms = (held_lamports.into(), charge_credits.into());
    ground.attempt(vec![instruction], &[by], |model| model.settle(by, who, sequence, Asset::Sol, terms))
}

fn close_settlement(ground: &Ground, random: &mut Random) -> Attempt {
    let known: Vec<(usize, u64)> = ground.model.settlements.keys().copied().collect();
    let (who, sequence) = if known.is_empty() { (0, 1) } else { *random.pick(&known) };
    let vault = vault_address(&key(PEOPLE[who]));
    let instruction = build::close_settlement(&vault, sequence, &key(PAYER));
    ground.attempt(vec![instruction], &[], |model| model.close_settlement(who, sequence))
}
