// The program's own addresses: the fixed seed of each (programs/permitpipe/src/seed.rs) and what follows it.
//
// Accounts of instructions bear the same names, so that the generated builders fill them in. The interface description
// knows some of this, but not where an address depends on an argument.

import {
  accountValueNode,
  argumentValueNode,
  bytesTypeNode,
  constantPdaSeedNode,
  constantPdaSeedNodeFromString,
  fixedSizeTypeNode,
  numberTypeNode,
  pdaNode,
  pdaSeedValueNode,
  pdaValueNode,
  publicKeyTypeNode,
  publicKeyValueNode,
  variablePdaSeedNode,
} from '@codama/nodes';

const key = publicKeyTypeNode();
const number = numberTypeNode('u64');
const hash = fixedSizeTypeNode(bytesTypeNode(), 32);

const SEEDS = {
  config: ['config', {}],
  vault: ['vault', { owner: key }],
  vaultUsdc: ['usdc', { vault: key }],
  settlement: ['settlement', { vault: key, sequence: number }],
  stake: ['stake', { owner: key }],
  stakePermit: ['permit', { stake: key }],
  relay: ['relay', { operator: key }],
  contradiction: ['contradiction', { relay: key, stream: hash, sequence: number }],
  epoch: ['epoch', { number }],
  epochUsdc: ['reward', { epoch: key }],
  template: ['template', { hash }],
  templatePermit: ['bond', { template: key }],
  plan: ['plan', { number }],
  subscription: ['sub', { owner: key }],
  anchor: ['anchor', { log: hash }],
  eventAuthority: ['__event_authority', {}],
};

// The loader's, not the program's: where the upgrade authority stands.
const PROGRAM_DATA = 'programData';
const LOADER = 'BPFLoaderUpgradeab1e11111111111111111111111';

/** Every address, for the program at `programId`. */
export function pdaNodes(programId) {
  const own = Object.entries(SEEDS).map(([name, [seed, variables]]) => {
    const following = Object.entries(variables).map(([variable, type]) => variablePdaSeedNode(variable, type));
    return pdaNode({ name, seeds: [constantPdaSeedNodeFromString('utf8', seed), ...following] });
  });
  const seeds = [constantPdaSeedNode(key, publicKeyValueNode(programId))];
  return [...own, pdaNode({ name: PROGRAM_DATA, programId: LOADER, seeds })];
}

/** The address of the account `name` of `instruction`, if it is one of ours and the instruction says all its seeds. */
export function pdaValue(instruction, name) {
  if (name === PROGRAM_DATA) return pdaValueNode(name);
  if (!SEEDS[name]) return undefined;
  const values = Object.keys(SEEDS[name][1]).map((variable) => [variable, seedValue(instruction, variable)]);
  if (values.some(([, value]) => !value)) return undefined;
  return pdaValueNode(name, values.map(([variable, value]) => pdaSeedValueNode(variable, value)));
}

function seedValue(instruction, variable) {
  const account = (name) => instruction.accounts.some((account) => account.name === name) && accountValueNode(name);
  const isArgument = instruction.arguments.some((argument) => argument.name === variable);
  // A relay is bonded by the stake of its operator.
  return account(variable) || (isArgument && argumentValueNode(variable)) || (variable === 'owner' && account('operator'));
}

/** Fails unless the interface description knows the same fixed seeds. */
export function checkSeeds(idl) {
  const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
  for (const instruction of idl.instructions) {
    for (const account of instruction.accounts.filter((account) => account.pda && !account.pda.program)) {
      const seed = Buffer.from(account.pda.seeds[0].value ?? []).toString();
      if (SEEDS[camel(account.name)]?.[0] !== seed) {
        throw new Error(`${instruction.name}: ${account.name} stands at the seed "${seed}"; correct pda.mjs`);
      }
    }
  }
}
