import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Instruction } from '@solana/kit';

import * as permitpipe from '../src/index.js';
import { address, bytes, key, named, show, signer, vectors } from './vectors.js';

const HASH = new Uint8Array(32).fill(16);
const [ROOT, NEXT_ROOT] = [new Uint8Array(32).fill(17), new Uint8Array(32).fill(18)];
const { Asset } = permitpipe;

const stored = permitpipe.getConfigDecoder().decode(bytes(named(vectors.accounts, 'config')));
const config = permitpipe.accountsOf(stored);
const price = key('price');
const [admin, guardian, verifier, owner] = [signer('admin'), signer('guardian'), signer('verifier'), signer('owner')];
const [payer, other, settleAuthority] = [signer('payer'), signer('other'), signer('settleAuthority')];
const [ownerUsdc, ownerPermit] = [key('ownerUsdc'), key('ownerPermit')];
const [vault, settlement, stake, relay] = [address('vault'), address('settlement'), address('stake'), address('relay')];
const [epoch, template, plan, anchor] = [address('epoch'), address('template'), address('plan'), address('anchor')];

const built: Record<string, Instruction | Promise<Instruction>> = {
  initializeConfig: permitpipe.getInitializeConfigInstructionAsync({
    ...stored,
    ...config,
    authority: admin,
    oracle: stored.oracle,
  }),
  proposeChange: permitpipe.getProposeChangeInstructionAsync({
    signer: admin,
    change: permitpipe.change('Tiers', [stored.tiers]),
  }),
  acceptChange: permitpipe.getAcceptChangeInstructionAsync({ signer: other }),
  cancelChange: permitpipe.getCancelChangeInstructionAsync({ signer: guardian }),
  pause: permitpipe.getPauseInstructionAsync({ signer: guardian }),
  unpause: permitpipe.getUnpauseInstructionAsync({ signer: admin }),
  lowerSettleCap: permitpipe.getLowerSettleCapInstructionAsync({
    signer: guardian,
    asset: Asset.Sol,
    settleCapAtoms: 30,
  }),

  openVault: permitpipe.getOpenVaultInstructionAsync({ ...config, owner, capAtoms: 31, capLamports: 32n }),
  setCap: permitpipe.getSetCapInstructionAsync({ owner, asset: Asset.Sol, capAtoms: 33 }),
  depositUsdc: permitpipe.getDepositUsdcInstructionAsync({ ...config, owner, ownerUsdc, amountAtoms: 2n ** 64n - 1n }),
  depositSol: permitpipe.getDepositSolInstructionAsync({ owner, lamports: 34 }),
  requestWithdrawal: permitpipe.getRequestWithdrawalInstructionAsync({ owner, asset: Asset.Usdc, amountAtoms: 35 }),
  cancelWithdrawal: permitpipe.getCancelWithdrawalInstructionAsync({ owner, asset: Asset.Usdc }),
  executeWithdrawal: permitpipe.getExecuteWithdrawalInstructionAsync({ ...config, owner, ownerUsdc }),
  executeSolWithdrawal: permitpipe.getExecuteSolWithdrawalInstructionAsync({ owner }),
  closeVault: permitpipe.getCloseVaultInstructionAsync({ ...config, owner, ownerUsdc }),

  settle: permitpipe.getSettleInstructionAsync({
    ...config,
    payer,
    settleAuthority,
    vault,
    sequence: 20,
    amountAtoms: 36,
    receiptCount: 37,
    receiptsRoot: HASH,
  }),
  settleSol: permitpipe.getSettleSolInstructionAsync({
    ...config,
    price,
    payer,
    settleAuthority,
    vault,
    sequence: 20,
    chargeCredits: 38,
    heldLamports: 39,
    receiptCount: 40,
    receiptsRoot: HASH,
  }),
  closeSettlement: permitpipe.getCloseSettlementInstructionAsync({ settlement, payer: key('payer') }),

  openStake: permitpipe.getOpenStakeInstructionAsync({ ...config, owner, beneficiary: key('other') }),
  addStake: permitpipe.getAddStakeInstructionAsync({ ...config, owner, ownerPermit, amountAtoms: 41 }),
  setBeneficiary: permitpipe.getSetBeneficiaryInstructionAsync({ owner, beneficiary: key('other') }),
  requestUnstake: permitpipe.getRequestUnstakeInstructionAsync({ owner, amountAtoms: 42 }),
  cancelUnstake: permitpipe.getCancelUnstakeInstructionAsync({ owner }),
  unstake: permitpipe.getUnstakeInstructionAsync({ ...config, owner, ownerPermit }),
  closeStake: permitpipe.getCloseStakeInstructionAsync({ ...config, owner, ownerPermit }),

  registerRelay: permitpipe.getRegisterRelayInstructionAsync({
    operator: owner,
    key: other,
    endpoint: 'https://relay.example',
  }),
  updateRelay: permitpipe.getUpdateRelayInstructionAsync({ operator: owner, endpoint: 'https://é.example' }),
  rotateRelayKey: permitpipe.getRotateRelayKeyInstructionAsync({ operator: owner, key: other }),
  retireRelay: permitpipe.getRetireRelayInstructionAsync({ operator: owner }),
  closeRelay: permitpipe.getCloseRelayInstructionAsync({ operator: owner }),
  slashRelay: permitpipe.getSlashRelayInstructionAsync({
    ...config,
    reporter: payer,
    reporterPermit: ownerPermit,
    relay,
    stake,
    stream: HASH,
    sequence: 22,
    firstInstruction: 0,
    secondInstruction: 1,
  }),

  publishEpoch: permitpipe.getPublishEpochInstructionAsync({
    ...config,
    payer,
    settleAuthority,
    funding: ownerUsdc,
    number: 21,
    root: HASH,
    leafCount: 43,
    totalAtoms: 44,
  }),
  claimReward: permitpipe.getClaimRewardInstructionAsync({
    ...config,
    operator: owner,
    operatorUsdc: ownerUsdc,
    epoch,
    index: 1,
    amountAtoms: 45,
    receiptCount: 46,
    proof: [HASH, ROOT],
  }),
  closeEpoch: permitpipe.getCloseEpochInstructionAsync({ ...config, epoch, payer: key('payer') }),

  publishTemplate: permitpipe.getPublishTemplateInstructionAsync({
    ...config,
    publisher: owner,
    publisherPermit: ownerPermit,
    hash: HASH,
  }),
  verifyTemplate: permitpipe.getVerifyTemplateInstructionAsync({ signer: verifier, template }),
  accuseTemplate: permitpipe.getAccuseTemplateInstructionAsync({ signer: verifier, template }),
  acquitTemplate: permitpipe.getAcquitTemplateInstructionAsync({ signer: admin, template }),
  revokeTemplate: permitpipe.getRevokeTemplateInstructionAsync({
    ...config,
    verifier,
    template,
    publisher: key('owner'),
  }),
  retireTemplate: permitpipe.getRetireTemplateInstructionAsync({ publisher: owner, template }),
  reclaimTemplate: permitpipe.getReclaimTemplateInstructionAsync({
    ...config,
    publisher: owner,
    publisherPermit: ownerPermit,
    template,
  }),

  createPlan: permitpipe.getCreatePlanInstructionAsync({
    admin,
    number: 23,
    priceAtoms: 47,
    periodSeconds: 48,
    requestLimit: 49,
  }),
  retirePlan: permitpipe.getRetirePlanInstructionAsync({ admin, plan }),
  closePlan: permitpipe.getClosePlanInstructionAsync({ plan, payer: key('payer') }),
  subscribe: permitpipe.getSubscribeInstructionAsync({ ...config, owner, ownerUsdc, plan, periods: 50 }),
  extendSubscription: permitpipe.getExtendSubscriptionInstructionAsync({
    ...config,
    owner,
    ownerUsdc,
    plan,
    periods: 51,
  }),
  closeSubscription: permitpipe.getCloseSubscriptionInstructionAsync({ owner }),

  openAnchor: permitpipe.getOpenAnchorInstructionAsync({ payer, settleAuthority, log: HASH, size: 52, root: ROOT }),
  advanceAnchor: permitpipe.getAdvanceAnchorInstructionAsync({ settleAuthority, anchor, size: 53, root: NEXT_ROOT }),
};

for (const [name, instruction] of Object.entries(built)) {
  test(`${name} is built as the Rust SDK builds it`, async () => {
    assert.deepEqual(show(await instruction), named(vectors.instructions, name));
  });
}

test('no instruction is left out', () => {
  const names = Object.keys(built).sort();
  assert.deepEqual(names, Object.keys(vectors.instructions).sort());
  assert.equal(Object.keys(permitpipe.PermitpipeInstruction).filter((name) => isNaN(Number(name))).length, names.length);
});
