//! The key that seals all others: a broker that has the wrong one does not start.

use std::future::pending;

use permitpipe_broker::secret::KeyEncryptionKey;
use permitpipe_tests::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_with_another_key_encryption_key_refuses_to_start_and_says_why() {
    let world = World::start().await;
    world.add_openai(true).await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = world.config.clone();
    config.kek_path = folder.path().join("another.key");
    KeyEncryptionKey::create(&config.kek_path).unwrap();
    let refused = permitpipe_broker::serve(config, |_| panic!("it takes requests"), pending()).await.unwrap_err();
    assert!(format!("{refused:#}").contains("does not open the stored secrets"), "{refused:#}");
}
