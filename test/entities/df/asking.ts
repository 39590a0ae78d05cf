/** Questions of calls, put to a KMS that answers as the test says. */
import { KeyRequests } from '../../../src/entities/df/key-requests.ts';
import type { KeyRequestOptions } from '../../../src/entities/df/key-requests.ts';
import { newSession } from '../../../src/entities/df/key-session.ts';
import type { QuestionState } from '../../../src/entities/df/session-state.ts';
import type { GetKeysRequest, GetKeysResponse } from '../../../src/wire/xk/get-keys.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';

export const KEYS: GetKeysResponse = { verified: true, cryptoSessions: [] };
export const BUSY: GetKeysResponse = { failureIndication: 'temporarily-unavailable' };
const NONE = new Uint8Array();

export function asking(timing: KeyRequestOptions['timing'] = {}, atOnce?: number) {
  const clock = new ManualClock();
  /** What the KMS says to each question, in turn; what is not there it never answers. */
  const answers = new Map<string, (GetKeysResponse | 'nothing' | Promise<GetKeysResponse>)[]>();
  const handedOver: string[] = [];
  const overdue: string[] = [];
  const attempts: string[] = [];
  const disk = { isFull: false };
  const requests = new KeyRequests(
    {
      question: (_correlation, xid, id) => Promise.resolve(questionNamed(xid, id)),
      answered: (_correlation, _xid, id) =>
        disk.isFull ? Promise.reject(new Error('disk is full')) : Promise.resolve(void handedOver.push(id)),
      overdue: (_correlation, _xid, id) => Promise.resolve(void overdue.push(id)),
      abandoned: () => Promise.resolve(),
    },
    {
      getKeys: ({ targetKmsIdentity: id }) => {
        attempts.push(id);
        const answer = answers.get(id)?.shift() ?? 'nothing';
        return answer === 'nothing'
          ? Promise.reject(new Error('connection refused'))
          : Promise.resolve(answer);
      },
    },
    { clock, logger: silent, timing, ...(atOnce === undefined ? {} : { atOnce }) },
  );
  const open = (id: string, exchangeId = 'exchange', call = 'correlation'): void =>
    requests.start(newSession('xid', call), questionState(id, exchangeId, clock.now()));
  return { clock, answers, handedOver, overdue, attempts, disk, requests, open };
}

function questionNamed(xid: string, targetKmsIdentity: string): GetKeysRequest {
  return {
    ...{ xid, targetKmsIdentity, iMessage1: NONE, rMessage1: NONE, iMessage2: NONE, rMessage2: null },
    ...{ updates: [], midCall: false },
  };
}

function questionState(id: string, exchangeId: string, now: number): QuestionState {
  return {
    ...{ id, exchangeId, updates: 0, state: 'open', since: now, eventTime: now },
    ...{ overdue: false, withRMessage2: false, verified: false },
  };
}

export function later(): {
  readonly answer: Promise<GetKeysResponse>;
  readonly give: (answer: GetKeysResponse) => void;
} {
  let give: (answer: GetKeysResponse) => void = () => undefined;
  const answer = new Promise<GetKeysResponse>((resolve) => (give = resolve));
  return { answer, give };
}
