import type { Address } from '@solana/kit';

import type { Config } from '../../../generated/typescript/src/index.js';

/**
 * The accounts that instructions take from the config, under the names of the builders' inputs: spread them into any
 * builder, as in `getDepositUsdcInstructionAsync({ ...accountsOf(config), owner, vault, ownerUsdc, amountAtoms })`.
 * `price` is missing where the config names no oracle; no SOL can be settled then.
 */
export function accountsOf(config: Config) {
  const { usdcMint, permitMint, treasury, solTreasury, insurance, oracle } = config;
  const price: { price?: Address } = oracle.__option === 'Some' ? { price: oracle.value.account } : {};
  return { usdcMint, permitMint, treasury, solTreasury, insurance, ...price };
}
