// What the Rust SDK builds from the same keys: generated/vectors.json, which sdk/examples/vectors prints.

import { readFileSync } from 'node:fs';

import { AccountRole, createNoopSigner, getBase16Encoder, type Address, type Instruction } from '@solana/kit';

type Built = { program: string; accounts: string[]; data: string };

type Vectors = {
  keys: Record<string, Address>;
  addresses: Record<string, Address>;
  instructions: Record<string, Built>;
  accounts: Record<string, string>;
  events: Record<string, string>;
  versions: Record<string, number>;
};

/** Run in sdk/typescript. */
export const vectors: Vectors = JSON.parse(readFileSync('../../generated/vectors.json', 'utf8'));

/** The entry of that name, which must be there. */
export function named<T>(entries: Record<string, T>, name: string): T {
  const entry = entries[name];
  if (entry === undefined) throw new Error(`generated/vectors.json has no "${name}"`);
  return entry;
}

export const key = (name: string) => named(vectors.keys, name);
export const address = (name: string) => named(vectors.addresses, name);
export const signer = (name: string) => createNoopSigner(key(name));
export const bytes = (hex: string) => new Uint8Array(getBase16Encoder().encode(hex));

const WRITABLE = [AccountRole.WRITABLE, AccountRole.WRITABLE_SIGNER];
const SIGNER = [AccountRole.READONLY_SIGNER, AccountRole.WRITABLE_SIGNER];

/** An instruction in the form of the vectors. */
export function show(instruction: Instruction): Built {
  const accounts = (instruction.accounts ?? []).map(({ address, role }) =>
    [address, WRITABLE.includes(role) ? 'writable' : '', SIGNER.includes(role) ? 'signer' : ''].filter(Boolean).join(' '),
  );
  const data = Buffer.from(instruction.data ?? []).toString('hex');
  return { program: instruction.programAddress, accounts, data };
}
