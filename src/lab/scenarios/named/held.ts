/**
 * Alice holds Bob once the call stands, then Bob holds Alice, by INVITE and by UPDATE; then they speak. A hold is an offer
 * that changes no key: it repeats no MIKEY message, and the keys stay (RFC 3264 section 8.4; profile, section 3).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PhoneCall } from '../../../entities/ue/call.ts';
import { callChecks } from '../checks/call.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { heldChecks } from '../checks/held.ts';
import type { Hold } from '../checks/held.ts';
import { interceptedChecks } from '../checks/intercepted.ts';
import { keyRecordsCheck } from '../checks/keys.ts';
import { unbrokenCheck } from '../checks/updates.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario } from '../definition.ts';
import { liidOf } from '../warrants.ts';

/** How long each is held, milliseconds, and what they say meanwhile that nobody must hear. */
const HELD_MS = 400;
const UNHEARD = new Int16Array(1600);

export const held: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob'] },
  warrants: contentWarrants,
  course: async (stage) => {
    const { network, targets } = stage;
    const holds: Hold[] = [];
    const call = await stage.call('alice', 'bob', 'bob', undefined, {
      before: async (outgoing, answered) => {
        holds.push(await holdOf('alice', 'INVITE', outgoing, answered));
        holds.push(await holdOf('bob', 'UPDATE', answered, outgoing));
      },
    });
    return (parts) => [
      ...callChecks(parts, call),
      unbrokenCheck(call),
      ...heldChecks(holds, call),
      ...targets.flatMap((user) => [
        ...interceptedChecks(parts, user, call),
        keyRecordsCheck(parts, network.homeOf(user).name, liidOf(user), 2),
      ]),
      ...elsewhereChecks(parts, targets),
    ];
  },
};

async function holdOf(
  user: string,
  method: Hold['method'],
  holder: PhoneCall,
  other: PhoneCall,
): Promise<Hold> {
  const before = other.statistics.sent.packets;
  await holder.hold(method);
  await Promise.all([other.play(UNHEARD), sleep(HELD_MS)]);
  const wasHeld = holder.isHeld;
  const sent = other.statistics.sent.packets - before;
  await holder.resume(method);
  return { user, method, wasHeld, sent, updates: holder.updates + other.updates, sas: holder.sas };
}
