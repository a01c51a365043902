import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as permitpipe from '../src/index.js';
import { address, key, vectors } from './vectors.js';

const HASH = new Uint8Array(32).fill(16);

test('every address is where the Rust SDK finds it', async () => {
  const [vault, stake, relay] = [address('vault'), address('stake'), address('relay')];
  const owner = key('owner');
  const found = {
    anchor: await permitpipe.findAnchorPda({ log: HASH }),
    config: await permitpipe.findConfigPda(),
    contradiction: await permitpipe.findContradictionPda({ relay, stream: HASH, sequence: 22 }),
    epoch: await permitpipe.findEpochPda({ number: 21 }),
    epochUsdc: await permitpipe.findEpochUsdcPda({ epoch: address('epoch') }),
    plan: await permitpipe.findPlanPda({ number: 23n }),
    programData: await permitpipe.findProgramDataPda(),
    relay: await permitpipe.findRelayPda({ operator: owner }),
    settlement: await permitpipe.findSettlementPda({ vault, sequence: 20 }),
    stake: await permitpipe.findStakePda({ owner }),
    stakePermit: await permitpipe.findStakePermitPda({ stake }),
    subscription: await permitpipe.findSubscriptionPda({ owner }),
    template: await permitpipe.findTemplatePda({ hash: HASH }),
    templatePermit: await permitpipe.findTemplatePermitPda({ template: address('template') }),
    vault: await permitpipe.findVaultPda({ owner }),
    vaultUsdc: await permitpipe.findVaultUsdcPda({ vault }),
  };
  const addresses = Object.entries(found).map(([name, [address]]) => [name, address]);
  assert.deepEqual(Object.fromEntries(addresses), vectors.addresses);
});
