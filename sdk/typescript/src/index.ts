// PermitPipe's on-chain program for TypeScript. Nearly all of it is generated from the program's interface description:
// a builder for every instruction, a decoder for every account and event, the errors, the addresses. By hand: `config`,
// `event` and `version`.

export * from '../../../generated/typescript/src/index.js';
export { accountsOf } from './config.js';
export { decodeEvent } from './event.js';
export { ACCOUNT_VERSIONS, requireKnown } from './version.js';
