import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodeEvent } from '../src/index.js';
import { address, bytes, key, named, vectors } from './vectors.js';

const data = (name: string) => bytes(named(vectors.events, name));

test('every event of the vectors is read under its name', () => {
  for (const name of Object.keys(vectors.events)) assert.equal(decodeEvent(data(name))?.name, name);
});

test('an event is read to its last field', () => {
  const event = decodeEvent(data('Settled'));
  assert.ok(event?.name === 'Settled');
  assert.deepEqual([event.vault, event.owner, event.sequence], [address('vault'), key('owner'), 81n]);
  assert.deepEqual([event.receiptCount, event.settledAtoms], [84, 2n ** 64n - 1n]);
});

test('an event says what happened', () => {
  const stake = decodeEvent(data('StakeChanged'));
  assert.ok(stake?.name === 'StakeChanged');
  assert.deepEqual(stake.kind, { __kind: 'Slashed', amountAtoms: 88n });
  const config = decodeEvent(data('ConfigChanged'));
  assert.ok(config?.name === 'ConfigChanged' && config.kind.__kind === 'Proposed');
  assert.deepEqual([config.kind.eta, config.kind.change.__kind], [-86n, 'Limits']);
});

test('other data is no event', () => {
  assert.equal(decodeEvent(new Uint8Array()), undefined);
  assert.equal(decodeEvent(data('Settled').slice(8)), undefined);
});

test('an event of an unknown kind, one too short and one too long stop the reader', () => {
  const settled = data('Settled');
  const unknown = settled.slice();
  unknown.fill(0xab, 8, 16);
  assert.throws(() => decodeEvent(unknown), /unknown kind/);
  assert.throws(() => decodeEvent(settled.slice(0, 11)), /unknown kind/);
  assert.throws(() => decodeEvent(settled.slice(0, -1)));
  assert.throws(() => decodeEvent(new Uint8Array([...settled, 0])), /does not know/);
});
