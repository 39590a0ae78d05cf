/** The JSON that a key session is kept as. */
import Type from 'typebox';
import type { KeySession } from '../session-state.ts';
import { strict } from '../../../bytes/schema.ts';
import { jsonColumn } from '../../../storage/stored-tables.ts';
import type { StoredColumn } from '../../../storage/stored-tables.ts';

const TEXT_OR_NULL = Type.Union([Type.String(), Type.Null()]);

/** What version 0.1.0 did not remember is optional here and below. */
const CARRIAGE = strict({
  sender: Type.String(),
  transaction: Type.String(),
  branch: Type.String(),
  method: Type.String(),
  part: Type.Enum(['request', 'unreliable', 'reliable', 'success']),
  rack: TEXT_OR_NULL,
  plain: Type.Boolean(),
  delivery: Type.Boolean(),
});

const MESSAGE = strict({
  type: Type.Enum(['I1', 'R1', 'I2', 'R2']),
  csbId: Type.Integer({ minimum: 0 }),
  t: Type.String(),
  rand: TEXT_OR_NULL,
  initiator: Type.String(),
  responder: Type.String(),
  callId: Type.String(),
  tags: Type.Tuple([Type.String(), Type.String()]),
  fromTarget: Type.Union([Type.Boolean(), Type.Null()]),
  time: Type.Number(),
  octets: Type.String(),
  ibake: Type.Optional(Type.Boolean()),
  carriage: Type.Optional(CARRIAGE),
  verdict: Type.Optional(Type.Enum(['taken', 'refused', 'rejected'])),
});

const QUESTION = strict({
  id: Type.String(),
  exchangeId: Type.String(),
  updates: Type.Integer({ minimum: 0 }),
  state: Type.Enum(['open', 'answered', 'failed']),
  since: Type.Number(),
  from: Type.Optional(Type.Number()),
  bare: Type.Optional(Type.Boolean()),
  eventTime: Type.Number(),
  overdue: Type.Boolean(),
  withRMessage2: Type.Boolean(),
  verified: Type.Boolean(),
  only: Type.Optional(Type.Array(Type.String())),
});

const MEDIUM = strict({
  refused: Type.Boolean(),
  secured: Type.Boolean(),
  securable: Type.Boolean(),
  keying: Type.Array(Type.Enum(['mikey', 'sdes', 'dtls', 'zrtp'])),
  keyTags: Type.Array(Type.Integer({ minimum: 0 })),
  formats: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }))),
});

const SETTLED = strict({
  callId: Type.String(),
  tags: Type.Array(Type.String()),
  eventTime: Type.Number(),
  since: Type.Number(),
});

const MEDIA = strict({
  parties: Type.Array(strict({ callId: Type.String(), tag: Type.String(), media: Type.Array(MEDIUM) })),
  settled: Type.Union([SETTLED, Type.Null()]),
  unkeyed: Type.Boolean(),
  told: Type.Array(Type.String()),
});

const BUDGET = strict({
  source: Type.Enum(['target', 'other', 'unknown']),
  likely: Type.Number(),
  unlikely: Type.Number(),
  at: Type.Number(),
});

const UNASKED = strict({
  reason: Type.Enum(['misplaced', 'unanswered', 'bounded', 'undecrypted']),
  told: Type.Array(Type.String()),
});

const RETAINED = strict({
  messages: Type.Array(
    strict({
      sip: Type.String(),
      mikey: Type.Boolean(),
      direction: Type.Enum(['toTarget', 'fromTarget', 'unknown']),
      time: Type.Number(),
      to: Type.Array(Type.String()),
    }),
  ),
  accepted: Type.Array(Type.String()),
  up: Type.Boolean(),
  begun: Type.Union([Type.Number(), Type.Null()]),
  told: Type.Array(Type.String()),
});

const SESSION = strict({
  xid: Type.String(),
  correlation: Type.String(),
  observed: Type.Array(strict({ name: TEXT_OR_NULL, value: Type.String() })),
  messages: Type.Array(MESSAGE),
  questions: Type.Array(QUESTION),
  delivered: Type.Array(Type.String()),
  media: Type.Optional(MEDIA),
  accepted: Type.Optional(Type.Array(Type.String())),
  budgets: Type.Optional(Type.Array(BUDGET)),
  waits: Type.Optional(Type.Boolean()),
  unasked: Type.Optional(Type.Array(UNASKED)),
  retained: Type.Optional(RETAINED),
  begun: Type.Optional(Type.Number()),
});

export const sessionColumn: StoredColumn<KeySession, string> = jsonColumn(SESSION);
