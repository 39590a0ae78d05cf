/**
 * How a CSCF learns of media sessions that have ended without its asking (what H.248 says by ServiceChange of a
 * termination, TS 23.334): those whose media were lost with the thread that relayed them, and all of a gateway that was
 * started anew.
 *
 *     GET /iq/v1/losses                     → run R, next N                       from here on
 *     GET /iq/v1/losses?run=R&from=N        → run R, next N', the sessions lost since; waited for, a few seconds at most
 *                                           → `isWhole` false: some are not told, ask for each
 *     GET /iq/v1/sessions/ID                → 204 it stands, 404 there is none
 *
 * Sessions are told to every CSCF, which knows its own by their IDs. One that is opened anew under its ID is not lost.
 */
import Type from 'typebox';
import { Form } from '../../bytes/schema.ts';
import { IqError } from './errors.ts';

export const IQ_LOSSES_PATH = '/iq/v1/losses';

/** Milliseconds for which an answer waits for something to tell: well below the time that a client waits for it. */
export const IQ_LOSSES_WAIT_MS = 5_000;

/** Sessions of one answer. */
export const IQ_LOSSES_AT_ONCE = 1_000;

/** Up to where somebody knows what a gateway has lost. */
export interface LossesKnown {
  /** A run of the gateway: numbers of another say nothing. */
  readonly run: string;
  /** The number of the next loss. */
  readonly next: number;
}

export interface LostSessions extends LossesKnown {
  readonly sessions: readonly string[];
  /** Whether these are all since; else any session may be lost. */
  readonly isWhole: boolean;
}

export const LOST_SESSIONS = Type.Object(
  {
    run: Type.String({ maxLength: 64, description: 'The run of the gateway that the numbers are of' }),
    next: Type.Integer({ minimum: 0, description: 'Where to go on from' }),
    sessions: Type.Array(Type.String(), {
      maxItems: IQ_LOSSES_AT_ONCE,
      description: 'IDs of those lost since',
    }),
    isWhole: Type.Boolean({
      description: 'Whether these are all since; if not, any session may be lost: ask for each',
    }),
  },
  { title: 'LostSessions' },
);

const FORM = new Form(LOST_SESSIONS, { all: true });

const NUMBER = /^\d{1,15}$/;

export function encodeKnown({ run, next }: LossesKnown): string {
  return `?${new URLSearchParams({ run, from: String(next) }).toString()}`;
}

/** @param query as it was asked; `null`: nothing is known. @throws IqError `malformed` */
export function decodeKnown(query: unknown): LossesKnown | null {
  const { run, from } = (query ?? {}) as { readonly run?: unknown; readonly from?: unknown };
  if (run === undefined && from === undefined) return null;
  if (typeof run === 'string' && typeof from === 'string' && NUMBER.test(from))
    return { run, next: Number(from) };
  throw new IqError('malformed', 'run and from: a run and a number are expected');
}

/** @throws IqError `malformed`, naming the fields */
export function decodeLost(json: unknown): LostSessions {
  return FORM.readOr(json, (faults) => {
    const told = faults.map(
      ({ path, expected }) => `${path === '' ? 'answer' : path}: ${expected} is expected`,
    );
    return new IqError('malformed', told.join('; '));
  });
}
