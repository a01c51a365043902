import assert from 'node:assert/strict';
import { test } from 'node:test';

import { none, some } from '@solana/kit';

import * as permitpipe from '../src/index.js';
import { bytes, key, named, vectors } from './vectors.js';

const data = (name: string) => bytes(named(vectors.accounts, name));

test('a config is read with its arrays, options and what waits, and written back the same', () => {
  const codec = permitpipe.getConfigCodec();
  const config = codec.decode(data('config'));
  assert.deepEqual([config.isPaused, config.admin, config.insurance], [true, key('admin'), key('insurance')]);
  assert.deepEqual([config.limits.settleCapAtoms, config.timing.retentionSeconds], [106n, 105n]);
  assert.deepEqual(config.tiers.map((tier) => tier.discountBasisPoints), [111, 0, 0, 0, 0]);
  assert.deepEqual(config.pendingChange, some({ change: permitpipe.change('Guardian', [key('other')]), eta: 120n }));
  assert.deepEqual([config.epochCount, config.planCount, config.eventSeq], [121n, 122n, 123n]);
  assert.equal(permitpipe.accountsOf(config).price, key('price'));
  assert.deepEqual(codec.encode(config), data('config'));
});

test('a config without an oracle names no price account', () => {
  const config = permitpipe.getConfigDecoder().decode(data('config'));
  assert.equal('price' in permitpipe.accountsOf({ ...config, oracle: none() }), false);
});

test('a vault is read with both books, integers to their last bit, and written back the same', () => {
  const codec = permitpipe.getVaultCodec();
  const vault = codec.decode(data('vault'));
  assert.deepEqual([vault.owner, vault.eventSeq, vault.settleSequence], [key('owner'), 69n, 70n]);
  assert.equal(vault.usdc.creditedAtoms, 2n ** 64n - 1n);
  assert.deepEqual(vault.usdc.pendingCap, some({ capAtoms: 63n, effectiveAt: 64n }));
  assert.deepEqual([vault.sol.pendingCap, vault.sol.withdrawal], [none(), none()]);
  assert.deepEqual([vault.sol.windowStartedAt, vault.sol.windowSettledAtoms], [65n, 66n]);
  assert.deepEqual(codec.encode(vault), data('vault'));
});

test('a stake is read and written back the same', () => {
  const codec = permitpipe.getStakeCodec();
  const stake = codec.decode(data('stake'));
  assert.deepEqual([stake.owner, stake.beneficiary, stake.eventSeq], [key('owner'), key('other'), 71n]);
  assert.deepEqual(stake.position, {
    stakedAtoms: 90n,
    weightAtoms: 91n,
    weighedAt: 92n,
    bondedAtoms: 93n,
    unlocking: some({ amountAtoms: 94n, unlocksAt: 95n }),
    slashedAtoms: 96n,
  });
  assert.deepEqual(codec.encode(stake), data('stake'));
});

test('an error is known by its number', () => {
  assert.match(permitpipe.getPermitpipeErrorMessage(permitpipe.PERMITPIPE_ERROR__ZERO_AMOUNT), /at least 1 atom/);
});

test('the versions are those that the Rust SDK reads, and another one is refused', () => {
  assert.deepEqual(permitpipe.ACCOUNT_VERSIONS, vectors.versions);
  const stake = permitpipe.getStakeDecoder().decode(data('stake'));
  assert.equal(permitpipe.requireKnown('stake', stake), stake);
  assert.throws(() => permitpipe.requireKnown('stake', { ...stake, version: 9 }), /version 9, .* reads version 1;/);
});
