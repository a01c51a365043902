// Writes the TypeScript client from the program's interface description: `node generate.mjs IDL FOLDER`.

import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { definedTypeNode, publicKeyValueNode } from '@codama/nodes';
import { rootNodeFromAnchor } from '@codama/nodes-from-anchor';
import { renderVisitor } from '@codama/renderers-js';
import { visit } from '@codama/visitors-core';

import { checkSeeds, pdaNodes, pdaValue } from './pda.mjs';

const [idlPath, folder] = process.argv.slice(2);
const style = { printWidth: 120, singleQuote: true };

const idl = JSON.parse(readFileSync(idlPath, 'utf8'));
checkSeeds(idl);
const { program, ...root } = rootNodeFromAnchor(withoutPdas(idl));
await visit({ ...root, program: complete(program) }, renderVisitor(folder, {
  generatedFolder: 'src',
  kitImportStrategy: 'rootOnly',
  prettierOptions: style,
  syncPackageJson: false,
}));
writeEvents(join(folder, 'src'));
correctPlugin(join(folder, 'src', 'programs', 'permitpipe.ts'));
nameFilesInImports(join(folder, 'src'));

/** The generator would name addresses after instructions; ours have names. */
function withoutPdas(idl) {
  const accounts = (instruction) => instruction.accounts.map(({ pda: _, ...account }) => account);
  return { ...idl, instructions: idl.instructions.map((one) => ({ ...one, accounts: accounts(one) })) };
}

/** Adds what the generator leaves out: addresses, accounts that follow from others, and events. */
function complete(program) {
  const value = (instruction, name) =>
    name === 'program' ? publicKeyValueNode(program.publicKey) : pdaValue(instruction, name);
  const account = (instruction) => (account) =>
    ({ ...account, defaultValue: value(instruction, account.name) ?? account.defaultValue });
  const events = program.events.map(({ name, data }) => definedTypeNode({ name, docs: docs(name), type: data }));
  return {
    ...program,
    pdas: pdaNodes(program.publicKey),
    definedTypes: [...program.definedTypes, ...events],
    instructions: program.instructions.map((one) => ({ ...one, accounts: one.accounts.map(account(one)) })),
  };
}

function docs(event) {
  return idl.types.find(({ name }) => name.toLowerCase() === event.toLowerCase())?.docs ?? [];
}

/** One list of all events, which the generator has no notion of. */
function writeEvents(folder) {
  const names = idl.events.map(({ name }) => name);
  const line = ({ name, discriminator }) =>
    `  { name: '${name}', discriminator: new Uint8Array([${discriminator.join(', ')}]), decoder: get${name}Decoder() },`;
  const text = `/** This code was written by sdk/typescript/generate.mjs; do not edit it. */

import {
${names.map((name) => `  get${name}Decoder,\n  type ${name},`).join('\n')}
} from './types';

/** Every event, by its name. */
export type PermitpipeEvent =
${names.map((name) => `  | ({ name: '${name}' } & ${name})`).join('\n')};

/** How each event begins and is read; the decoder wants the discriminator too. */
export const PERMITPIPE_EVENTS = [
${idl.events.map(line).join('\n')}
] as const;
`;
  writeFileSync(join(folder, 'events.ts'), text);
  const index = join(folder, 'index.ts');
  writeFileSync(index, readFileSync(index, 'utf8').replace("'./errors';\n", "'./errors';\nexport * from './events';\n"));
}

/** Imports of folders, as the generator writes them, work in bundlers alone; those of files work everywhere. */
function nameFilesInImports(folder) {
  const sources = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.ts'));
  for (const source of sources.map((name) => join(folder, name))) {
    const named = (_, target) => {
      const isFolder = statSync(join(dirname(source), target), { throwIfNoEntry: false })?.isDirectory();
      return `from '${target}${isFolder ? '/index' : ''}.js'`;
    };
    writeFileSync(source, readFileSync(source, 'utf8').replace(/from '(\.[^']*)'/g, named));
  }
}

/** The generator states a return type that this version of kit no longer has; the compiler finds the right one. */
function correctPlugin(path) {
  const text = readFileSync(path, 'utf8');
  const stated = "): Omit<T, 'permitpipe'> & { permitpipe: PermitpipePlugin } => {";
  if (!text.includes(stated)) throw new Error(`${path}: the plugin states another return type; look at correctPlugin`);
  writeFileSync(path, text.replace(stated, ') => {'));
}
