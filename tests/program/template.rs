//! A template's life: published with a bond, vouched for, accused, and how it ends.

use permitpipe_sdk::chain::{
    self, Config, Event, PermitPipeError as Error, TemplateChange, TemplateStatus, instruction as build,
};
use solana_sdk::signer::Signer;

use crate::{
    ground::{market::HASH, *},
    world::*,
};

/// Anchor's "there is no such account": the bond's, once it is forfeited.
const NOT_INITIALIZED: u32 = 3_012;

/// What happened to the template, in order.
fn kinds(events: &[Event]) -> Vec<TemplateChange> {
    let kind = |event: &Event| match event {
        Event::TemplateChanged(event) => event.kind.clone(),
        other => panic!("no event of a template: {other:?}"),
    };
    events.iter().map(kind).collect()
}

#[test]
fn a_template_is_published_verified_retired_and_its_bond_comes_back() {
    let mut world = World::configured();
    let (owner, before) = (world.owner.pubkey(), world.svm.get_balance(&world.owner.pubkey()).unwrap());
    let mut life = vec![event(world.publish_template())];
    assert_eq!(world.tokens(&world.template_permit()), TEMPLATE_BOND_ATOMS);
    let template = world.template();
    assert_eq!((template.hash, template.publisher, template.status), (HASH, owner, TemplateStatus::Published));
    life.push(event(world.verify()));
    assert_eq!(world.template().status, TemplateStatus::Verified);
    life.push(event(world.retire_template()));
    let reclaimable_at = START + COOL_DOWN_SECONDS;
    assert_eq!(world.template().status, TemplateStatus::Retiring { reclaimable_at });
    world.wait(COOL_DOWN_SECONDS - 1);
    world.next_slot();
    refused(world.reclaim(), Error::TemplateNotReady);
    world.wait(1);
    life.push(event(world.reclaim()));
    let expected = [
        TemplateChange::Published { hash: HASH, bond_atoms: TEMPLATE_BOND_ATOMS },
        TemplateChange::Verified,
        TemplateChange::Retired { reclaimable_at },
        TemplateChange::Closed { returned_atoms: TEMPLATE_BOND_ATOMS },
    ];
    assert_eq!(kinds(&life), expected);
    assert_eq!(numbered(&life, &chain::template_address(&HASH), 1), expected.len());
    assert_eq!(world.tokens(&world.owner_permit), WALLET_PERMIT_ATOMS);
    assert_eq!(world.svm.get_balance(&owner), Some(before));
    // The hash is free again, and numbers go on from above.
    assert_eq!(event(world.publish_template()).event_seq(), 65_536 + 1);
}

#[test]
fn an_accusation_takes_the_badge_at_once_and_after_its_delay_the_bond() {
    let mut world = World::published();
    world.verify().unwrap();
    let before = world.svm.get_balance(&world.owner.pubkey()).unwrap();
    let mut told = vec![event(world.accuse())];
    let eta = START + CHANGE_DELAY_SECONDS;
    let template = world.template();
    assert_eq!((template.status, template.accused_until), (TemplateStatus::Published, Some(eta)));
    world.wait(CHANGE_DELAY_SECONDS - 1);
    refused(world.revoke(), Error::TemplateNotReady);
    world.wait(1);
    let bond_rent = world.svm.get_balance(&world.template_permit()).unwrap();
    told.push(event(world.revoke()));
    let forfeited_atoms = TEMPLATE_BOND_ATOMS;
    assert_eq!(kinds(&told), [TemplateChange::Accused { eta }, TemplateChange::Revoked { forfeited_atoms }]);
    assert_eq!(numbered(&told, &chain::template_address(&HASH), 3), 2);
    assert_eq!(world.tokens(&world.insurance), TEMPLATE_BOND_ATOMS);
    assert_eq!(world.tokens(&world.owner_permit), WALLET_PERMIT_ATOMS - TEMPLATE_BOND_ATOMS);
    assert_eq!(world.svm.get_balance(&world.owner.pubkey()), Some(before + bond_rent));
    let template = world.template();
    assert_eq!((template.status, template.bond_atoms), (TemplateStatus::Revoked, 0));
}

#[test]
fn a_revoked_hash_is_refused_for_ever_also_for_others() {
    let mut world = World::accused();
    world.wait(CHANGE_DELAY_SECONDS);
    world.revoke().unwrap();
    world.next_slot();
    world.wait(10 * Config::CHANGE_LIFETIME_SECONDS);
    let before = world.everything();
    // "The account is in use": the template's account stays as the record.
    assert_eq!(code(world.publish_template()), 0);
    let mallory = world.mallory.pubkey();
    let again = build::publish_template(&world.config(), &mallory, &world.mallory_permit, HASH);
    assert_eq!(code(world.send(&[again], &[7])), 0);
    for end in [World::retire_template, World::verify, World::accuse] {
        refused(end(&mut world), Error::WrongTemplateStatus);
    }
    assert_eq!(code(world.reclaim()), NOT_INITIALIZED);
    assert!(before == world.everything());
}

#[test]
fn verifier_and_admin_acquit_and_only_the_verifier_gives_the_badge_again() {
    for by in [9, 2] {
        let mut world = World::published();
        world.verify().unwrap();
        world.accuse().unwrap();
        assert_eq!(kinds(&[event(world.acquit(by))]), [TemplateChange::Acquitted]);
        let template = world.template();
        assert_eq!((template.status, template.accused_until), (TemplateStatus::Published, None));
        world.wait(CHANGE_DELAY_SECONDS);
        refused(world.revoke(), Error::NotAccused);
        world.verify().unwrap();
        assert_eq!(world.template().status, TemplateStatus::Verified);
    }
}

#[test]
fn an_accusation_nobody_carries_out_lapses_and_holds_no_bond() {
    let mut world = World::accused();
    world.retire_template().unwrap();
    world.next_slot();
    world.wait(CHANGE_DELAY_SECONDS + Config::CHANGE_LIFETIME_SECONDS - 1);
    refused(world.reclaim(), Error::AlreadyAccused);
    world.wait(1);
    refused(world.revoke(), Error::NotAccused);
    world.reclaim().unwrap();
    assert_eq!(world.tokens(&world.owner_permit), WALLET_PERMIT_ATOMS);
}

#[test]
fn a_lapsed_accusation_may_be_made_anew_or_forgotten() {
    let mut world = World::accused();
    world.wait(CHANGE_DELAY_SECONDS + Config::CHANGE_LIFETIME_SECONDS);
    world.verify().unwrap();
    let template = world.template();
    assert_eq!((template.status, template.accused_until), (TemplateStatus::Verified, None));
    world.accuse().unwrap();
    world.wait(CHANGE_DELAY_SECONDS);
    world.revoke().unwrap();
}

#[test]
fn a_template_on_its_way_out_can_still_be_accused_and_revoked() {
    let mut world = World::published();
    world.retire_template().unwrap();
    world.wait(COOL_DOWN_SECONDS - 1);
    world.next_slot();
    world.accuse().unwrap();
    world.wait(1);
    refused(world.reclaim(), Error::AlreadyAccused);
    world.wait(CHANGE_DELAY_SECONDS);
    world.revoke().unwrap();
    assert_eq!(code(world.reclaim()), NOT_INITIALIZED);
    assert_eq!(world.tokens(&world.insurance), TEMPLATE_BOND_ATOMS);
}

#[test]
fn an_acquitted_template_on_its_way_out_gets_its_bond() {
    let mut world = World::published();
    world.retire_template().unwrap();
    world.accuse().unwrap();
    world.acquit(2).unwrap();
    world.next_slot();
    world.wait(COOL_DOWN_SECONDS);
    world.reclaim().unwrap();
    assert_eq!(world.tokens(&world.owner_permit), WALLET_PERMIT_ATOMS);
}

#[test]
fn what_others_sent_to_the_bond_goes_with_it_and_a_pause_stops_no_exit() {
    let mut world = World::published();
    world.put_tokens(world.template_permit(), world.permit, chain::template_address(&HASH), TEMPLATE_BOND_ATOMS + 3);
    let mut world = world.paused();
    world.retire_template().unwrap();
    world.next_slot();
    world.wait(COOL_DOWN_SECONDS);
    world.reclaim().unwrap();
    assert_eq!(world.tokens(&world.owner_permit), WALLET_PERMIT_ATOMS + 3);
}

#[test]
fn each_hash_has_one_publisher() {
    let mut world = World::published();
    let mallory = world.mallory.pubkey();
    let again = build::publish_template(&world.config(), &mallory, &world.mallory_permit, HASH);
    assert_eq!(code(world.send(&[again], &[7])), 0);
    let other = build::publish_template(&world.config(), &mallory, &world.mallory_permit, [2; 32]);
    world.send(&[other], &[7]).unwrap();
}

#[test]
fn a_forfeited_bond_goes_to_no_account_but_the_insurance() {
    let mut world = World::accused();
    world.wait(CHANGE_DELAY_SECONDS);
    let revoke = build::revoke_template(&world.config(), &HASH, &world.owner.pubkey());
    assert_eq!(code(world.with_another(revoke, (world.insurance, world.mallory_permit), 9)), NOT_THE_NAMED_ONE);
    world.revoke().unwrap();
}

#[test]
fn a_bond_comes_back_to_no_account_but_the_publishers() {
    let mut world = World::published();
    world.retire_template().unwrap();
    world.wait(COOL_DOWN_SECONDS);
    world.next_slot();
    let (config, owner, permit) = (world.config(), world.owner.pubkey(), world.owner_permit);
    let reclaim = build::reclaim_template(&config, &owner, &permit, &HASH);
    // Anchor's "the token account has another owner".
    assert_eq!(code(world.with_another(reclaim, (permit, world.mallory_permit), 6)), 2_015);
    world.reclaim().unwrap();
}
