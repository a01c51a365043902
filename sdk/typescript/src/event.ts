import { containsBytes, type ReadonlyUint8Array } from '@solana/kit';

import { PERMITPIPE_EVENTS, type PermitpipeEvent } from '../../../generated/typescript/src/index.js';

/** What the data of an inner instruction begins with by which a program says an event. */
const TAG = new Uint8Array([228, 69, 165, 46, 81, 203, 154, 29]);

/**
 * Reads the data of one inner instruction **of the program itself**; the caller checks whose instruction it is.
 *
 * `undefined`: not an event. Throws at an event of a kind or a length this build does not know: skipping it would leave
 * a hole in the account's sequence.
 */
export function decodeEvent(data: ReadonlyUint8Array): PermitpipeEvent | undefined {
  if (!containsBytes(data, TAG, 0)) return undefined;
  const said = data.slice(TAG.length);
  const event = PERMITPIPE_EVENTS.find(({ discriminator }) => containsBytes(said, discriminator, 0));
  if (!event) throw new Error('an event of an unknown kind; upgrade this build before it goes on');
  const [fields, end] = event.decoder.read(said, 0);
  if (end !== said.length) throw new Error(`the event ${event.name} has bytes this build does not know; upgrade it`);
  return { name: event.name, ...fields } as PermitpipeEvent;
}
