//! Anchors of the audit log: opened once, moved forward, never back and never aside.

use permitpipe_sdk::chain::{self, Event, PermitPipeError as Error};

use crate::{
    ground::{market::LOG, *},
    world::*,
};

#[test]
fn a_log_is_anchored_and_advanced_and_every_step_is_one_numbered_event() {
    let mut world = World::configured();
    let mut life = vec![event(world.open_anchor(0, [0; 32]))];
    for (size, root) in [(1, [1; 32]), (9, [9; 32]), (u64::MAX >> 1, [7; 32])] {
        world.next_slot();
        life.push(event(world.advance(size, root)));
        let anchor = world.anchor();
        assert_eq!((anchor.log, anchor.size, anchor.root), (LOG, size, root));
    }
    assert_eq!(world.anchor().slot, 3);
    let told = life.iter().map(|event| match event {
        Event::LogAnchored(event) => (event.log, event.size, event.root),
        other => panic!("no event of an anchor: {other:?}"),
    });
    let expected = [(0, [0; 32]), (1, [1; 32]), (9, [9; 32]), (u64::MAX >> 1, [7; 32])];
    assert!(told.eq(expected.map(|(size, root)| (LOG, size, root))));
    assert_eq!(numbered(&life, &chain::anchor_address(&LOG), 1), 4);
}

#[test]
fn the_same_checkpoint_again_is_accepted_and_another_one_of_that_size_is_a_fork() {
    let mut world = World::anchored();
    assert_eq!(event(world.advance(5, [5; 32])).event_seq(), 2);
    refused(world.advance(5, [6; 32]), Error::LogForked);
    refused(world.advance(4, [5; 32]), Error::LogShrank);
    world.advance(6, [6; 32]).unwrap();
    assert_eq!((world.anchor().size, world.anchor().root, world.anchor().event_seq), (6, [6; 32], 3));
}

#[test]
fn a_log_is_anchored_during_a_pause_and_opened_only_once() {
    let mut world = World::configured().paused();
    world.open_anchor(5, [5; 32]).unwrap();
    world.advance(6, [6; 32]).unwrap();
    assert_eq!(code(world.open_anchor(1, [1; 32])), 0, "the account is in use");
    assert_eq!(world.anchor().size, 6);
}
