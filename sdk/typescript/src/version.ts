/** The layout of each kind of account that this build reads. */
export const ACCOUNT_VERSIONS = {
  anchor: 1,
  config: 2,
  contradiction: 1,
  epoch: 1,
  plan: 1,
  relay: 1,
  settlement: 2,
  stake: 1,
  subscription: 1,
  template: 1,
  vault: 2,
} as const;

/** Hands `account` back, unless another version of the program wrote it: its fields would then mean something else. */
export function requireKnown<T extends { version: number }>(kind: keyof typeof ACCOUNT_VERSIONS, account: T): T {
  const known = ACCOUNT_VERSIONS[kind];
  if (account.version === known) return account;
  throw new Error(`the ${kind} account has version ${account.version}, this build reads version ${known}; upgrade it`);
}
