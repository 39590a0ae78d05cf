/** That who was held sent nothing, and that no key changed by it. */
import type { CallOutcome } from '../call.ts';
import { counted } from './check.ts';
import type { Check } from './check.ts';

/** A hold that is over. */
export interface Hold {
  /** Who held the other. */
  readonly user: string;
  readonly method: 'INVITE' | 'UPDATE';
  readonly wasHeld: boolean;
  /** Packets that the other end sent meanwhile. */
  readonly sent: number;
  /** Updates of keys until its end, as both ends count them. */
  readonly updates: number;
  readonly sas: string | null;
}

export function heldChecks(holds: readonly Hold[], { caller }: CallOutcome): Check[] {
  return [
    ...holds.map(({ user, method, wasHeld, sent }) => ({
      name: `while ${user} held the call, by ${method}, the other end sent nothing`,
      passed: wasHeld && sent === 0,
      detail: wasHeld ? `${counted(sent, 'packet')} sent` : 'it was not held',
    })),
    {
      name: 'the holds changed no key',
      passed: holds.every(({ updates, sas }) => updates === 0 && sas === caller.sas),
      detail: `${counted(
        holds.reduce((sum, { updates }) => sum + updates, 0),
        'update',
      )}, and one short authentication string throughout`,
    },
  ];
}
