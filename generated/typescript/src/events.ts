/** This code was written by sdk/typescript/generate.mjs; do not edit it. */

import {
  getCapChangedDecoder,
  type CapChanged,
  getConfigChangedDecoder,
  type ConfigChanged,
  getDepositedDecoder,
  type Deposited,
  getEpochChangedDecoder,
  type EpochChanged,
  getLogAnchoredDecoder,
  type LogAnchored,
  getPlanChangedDecoder,
  type PlanChanged,
  getRelayChangedDecoder,
  type RelayChanged,
  getSettledDecoder,
  type Settled,
  getSettlementClosedDecoder,
  type SettlementClosed,
  getStakeChangedDecoder,
  type StakeChanged,
  getSubscriptionChangedDecoder,
  type SubscriptionChanged,
  getTemplateChangedDecoder,
  type TemplateChanged,
  getVaultClosedDecoder,
  type VaultClosed,
  getVaultOpenedDecoder,
  type VaultOpened,
  getWithdrawalCancelledDecoder,
  type WithdrawalCancelled,
  getWithdrawalRequestedDecoder,
  type WithdrawalRequested,
  getWithdrawnDecoder,
  type Withdrawn,
} from './types/index.js';

/** Every event, by its name. */
export type PermitpipeEvent =
  | ({ name: 'CapChanged' } & CapChanged)
  | ({ name: 'ConfigChanged' } & ConfigChanged)
  | ({ name: 'Deposited' } & Deposited)
  | ({ name: 'EpochChanged' } & EpochChanged)
  | ({ name: 'LogAnchored' } & LogAnchored)
  | ({ name: 'PlanChanged' } & PlanChanged)
  | ({ name: 'RelayChanged' } & RelayChanged)
  | ({ name: 'Settled' } & Settled)
  | ({ name: 'SettlementClosed' } & SettlementClosed)
  | ({ name: 'StakeChanged' } & StakeChanged)
  | ({ name: 'SubscriptionChanged' } & SubscriptionChanged)
  | ({ name: 'TemplateChanged' } & TemplateChanged)
  | ({ name: 'VaultClosed' } & VaultClosed)
  | ({ name: 'VaultOpened' } & VaultOpened)
  | ({ name: 'WithdrawalCancelled' } & WithdrawalCancelled)
  | ({ name: 'WithdrawalRequested' } & WithdrawalRequested)
  | ({ name: 'Withdrawn' } & Withdrawn);

/** How each event begins and is read; the decoder wants the discriminator too. */
export const PERMITPIPE_EVENTS = [
  { name: 'CapChanged', discriminator: new Uint8Array([59, 142, 65, 41, 18, 245, 114, 162]), decoder: getCapChangedDecoder() },
  { name: 'ConfigChanged', discriminator: new Uint8Array([147, 25, 86, 98, 98, 77, 78, 192]), decoder: getConfigChangedDecoder() },
  { name: 'Deposited', discriminator: new Uint8Array([111, 141, 26, 45, 161, 35, 100, 57]), decoder: getDepositedDecoder() },
  { name: 'EpochChanged', discriminator: new Uint8Array([123, 214, 228, 174, 25, 140, 90, 52]), decoder: getEpochChangedDecoder() },
  { name: 'LogAnchored', discriminator: new Uint8Array([63, 53, 65, 90, 183, 145, 180, 157]), decoder: getLogAnchoredDecoder() },
  { name: 'PlanChanged', discriminator: new Uint8Array([183, 244, 86, 213, 42, 210, 217, 72]), decoder: getPlanChangedDecoder() },
  { name: 'RelayChanged', discriminator: new Uint8Array([237, 202, 253, 100, 129, 12, 184, 96]), decoder: getRelayChangedDecoder() },
  { name: 'Settled', discriminator: new Uint8Array([232, 210, 40, 17, 142, 124, 145, 238]), decoder: getSettledDecoder() },
  { name: 'SettlementClosed', discriminator: new Uint8Array([245, 50, 228, 218, 145, 185, 227, 59]), decoder: getSettlementClosedDecoder() },
  { name: 'StakeChanged', discriminator: new Uint8Array([242, 117, 195, 222, 185, 209, 114, 219]), decoder: getStakeChangedDecoder() },
  { name: 'SubscriptionChanged', discriminator: new Uint8Array([212, 175, 166, 6, 201, 161, 99, 4]), decoder: getSubscriptionChangedDecoder() },
  { name: 'TemplateChanged', discriminator: new Uint8Array([113, 226, 100, 254, 12, 64, 109, 250]), decoder: getTemplateChangedDecoder() },
  { name: 'VaultClosed', discriminator: new Uint8Array([238, 129, 38, 228, 227, 118, 249, 215]), decoder: getVaultClosedDecoder() },
  { name: 'VaultOpened', discriminator: new Uint8Array([198, 250, 195, 25, 26, 107, 197, 16]), decoder: getVaultOpenedDecoder() },
  { name: 'WithdrawalCancelled', discriminator: new Uint8Array([119, 175, 207, 80, 186, 237, 229, 9]), decoder: getWithdrawalCancelledDecoder() },
  { name: 'WithdrawalRequested', discriminator: new Uint8Array([75, 207, 21, 12, 160, 102, 150, 55]), decoder: getWithdrawalRequestedDecoder() },
  { name: 'Withdrawn', discriminator: new Uint8Array([20, 89, 223, 198, 194, 124, 219, 13]), decoder: getWithdrawnDecoder() },
] as const;
