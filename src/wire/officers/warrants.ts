/**
 * Warrants on the officers' interface of an ADMF, JSON over HTTPS with certificates on both sides
 * (`api/admf.openapi.yaml`):
 *
 *     GET  /v1/warrants?state=…&target=…&pending=true&…     a page of them
 *     POST /v1/warrants                      Entry             enters one
 *     GET  /v1/warrants/LIID                                   one, with what waits for approval and what has been
 *     GET  /v1/warrants/LIID/state                             one, as it is
 *     POST /v1/warrants/LIID/submit          Decision
 *     POST /v1/warrants/LIID/approve         Decision          of exactly the generation that was looked at
 *     POST /v1/warrants/LIID/reject          Order             of that, too
 *     POST /v1/warrants/LIID/amend           Amendment
 *     POST /v1/warrants/LIID/extend          Extension
 *     POST /v1/warrants/LIID/suspend, …/resume, …/withdraw     Order
 *     POST /v1/imports                       Import            enters many, of one file
 *
 * Whatever changes a warrant makes its generation higher. A request may say of which generation it speaks, in its body or
 * by If-Match; of another one nothing is changed.
 */
import Type from 'typebox';
import type { StaticDecode } from 'typebox';
import { strict, Unfit } from '../../bytes/schema.ts';
import {
  WARRANT_LIID,
  LEMF,
  reader,
  sentence,
  TARGET,
  LOCATION_TERM,
  time,
  WARRANT_CHANGES,
  WARRANT_ENTRY,
  XK_TERM,
} from './terms.ts';

export const WARRANTS_PATH = '/v1/warrants';
export const IMPORTS_PATH = '/v1/imports';

/** As a warrant's life has them (`entities/admf/life.ts`). */
export const WARRANT_STATES = [
  'draft',
  'submitted',
  'approved',
  'provisioning',
  'active',
  'suspending',
  'suspended',
  'ending',
  'ended',
  'rejected',
  'failed',
] as const;

/** Warrants of one import at most; a longer file comes in parts. */
export const MOST_IMPORTED = 2000;
/** Warrants of a page at most, and where nothing is said. */
const MOST_OF_PAGE = 1000;
export const USUAL_PAGE = 100;

const STATES_EXPECTED = `one of ${WARRANT_STATES.join(', ')}, or several of them with commas`;
const LIMIT_EXPECTED = `a whole number from 1 to ${MOST_OF_PAGE}`;

export function warrantPath(liid: string, action?: string): string {
  const path = `${WARRANTS_PATH}/${encodeURIComponent(liid)}`;
  return action === undefined ? path : `${path}/${action}`;
}

/* ------------------------------------------------------------------- requests */

const GENERATION = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Of which generation of the warrant this speaks',
});
const MAY = { generation: Type.Optional(GENERATION) };
const REASON = sentence('Why; it goes on record');

export const ENTRY = strict(
  {
    warrant: WARRANT_ENTRY,
    submit: Type.Boolean({ default: true, description: 'Whether it is submitted, or stays a draft' }),
    emergency: Type.Boolean({
      default: false,
      description: 'To be carried out on one approval; it ends when the second does not follow in time',
    }),
    reference: Type.Optional(sentence('A name that whoever enters it has for it; no other warrant has it')),
    reason: Type.Optional(REASON),
  },
  { title: 'Entry', description: 'A warrant to be entered' },
);

export const DECISION = strict(
  { ...MAY, reason: Type.Optional(REASON) },
  { title: 'Decision', description: 'With the reason or without' },
);

export const ORDER = strict({ ...MAY, reason: REASON }, { title: 'Order', description: 'With the reason' });

export const AMENDMENT = strict(
  { ...MAY, reason: REASON, changes: WARRANT_CHANGES },
  { title: 'Amendment', description: 'What is to be otherwise, and why' },
);

export const EXTENSION = strict(
  {
    ...MAY,
    reason: REASON,
    startTime: Type.Optional(
      time('Start of the new period; absent: from its approval on, or from the end before'),
    ),
    endTime: time('End of the new period, exclusive'),
  },
  { title: 'Extension', description: 'A further period, and why' },
);

export const IMPORT = strict(
  {
    warrants: Type.Array(WARRANT_ENTRY, { maxItems: MOST_IMPORTED }),
    submit: Type.Boolean({ default: true, description: 'Whether they are submitted, or stay drafts' }),
  },
  { title: 'Import', description: 'Warrants of one file' },
);

export const decodeEntry = reader(ENTRY, 'the entry');
export const decodeDecision = reader(DECISION, 'the decision');
export const decodeOrder = reader(ORDER, 'the order');
export const decodeAmendment = reader(AMENDMENT, 'the amendment');
export const decodeExtension = reader(EXTENSION, 'the extension');
export const decodeImport = reader(IMPORT, 'the import');

/** What is asked for of the list of warrants, as the query of its URL. */
export const SELECTION = strict(
  {
    state: Type.Optional(
      Type.Decode(
        Type.String({
          description: 'Only those in these states, with commas',
          errorMessage: STATES_EXPECTED,
        }),
        (text) => text.split(',').map(stateOf),
      ),
    ),
    target: Type.Optional(sentence('Only those of this identity: a URI, or NAME=VALUE with the name on X1')),
    pending: Type.Optional(Type.Literal('true', { description: 'Only those that wait for an approval' })),
    degraded: Type.Optional(
      Type.Literal('true', { description: 'Only those of which an element lacks something' }),
    ),
    imported: Type.Optional(Type.Literal('true', { description: 'Only those that came with a file' })),
    after: Type.Optional(WARRANT_LIID),
    limit: Type.Optional(
      Type.Decode(Type.String({ description: LIMIT_EXPECTED, errorMessage: LIMIT_EXPECTED }), (text) => {
        const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
        if (limit < 1 || limit > MOST_OF_PAGE) throw new Unfit(LIMIT_EXPECTED);
        return limit;
      }),
    ),
  },
  { title: 'Selection' },
);

export type Selection = StaticDecode<typeof SELECTION>;

export const decodeSelection = reader(SELECTION, 'the query');

function stateOf(text: string): (typeof WARRANT_STATES)[number] {
  const state = WARRANT_STATES.find((each) => each === text);
  if (state === undefined) throw new Unfit(STATES_EXPECTED);
  return state;
}

/* -------------------------------------------------------------------- answers */

const PERIOD = Type.Object(
  {
    from: time('Inclusive'),
    until: time('Exclusive'),
    delivery: Type.Enum(['IRI', 'IRI+CC']),
  },
  { title: 'Period' },
);

const PENDING = Type.Object(
  {
    kind: Type.Enum(['amend', 'resume', 'extend']),
    by: Type.String({ description: 'Who proposes it' }),
    at: time('When'),
    reason: Type.String(),
    changes: Type.Optional(WARRANT_CHANGES),
    startTime: Type.Optional(time('Of the new period, no earlier than its approval')),
    endTime: Type.Optional(time('Of the new period')),
  },
  { title: 'Pending', description: 'A change that waits for a second officer' },
);

/** A warrant on record. */
export const WARRANT_VIEW = Type.Object(
  {
    liid: WARRANT_LIID,
    xid: Type.String({ description: 'Of its tasks at the elements' }),
    state: Type.Enum([...WARRANT_STATES]),
    degraded: Type.Boolean({ description: 'Whether an element lacks something of it, or cannot deliver' }),
    changing: Type.Boolean({ description: 'Whether not all elements have taken its last change yet' }),
    generation: GENERATION,
    targets: Type.Array(TARGET, { description: 'None any more once they were deleted' }),
    delivery: Type.Enum(['IRI', 'IRI+CC']),
    startTime: time('In force from here on'),
    endTime: time('In force until here'),
    lemf: LEMF,
    location: LOCATION_TERM,
    xk: XK_TERM,
    covered: Type.Array(PERIOD, {
      description: 'What it has covered and covers; a time before is never added',
    }),
    authors: Type.Array(Type.String(), {
      description: 'Who entered it, and who changed it before it was approved',
    }),
    approvals: Type.Array(Type.String(), { description: 'Who has approved it' }),
    pending: Type.Optional(PENDING),
    lapses: Type.Optional(time('When an emergency ends without a second approval')),
    reference: Type.Optional(Type.String({ description: 'A name that whoever entered it has for it' })),
    imported: Type.Boolean({ description: 'Whether it came with a file' }),
    erased: Type.Boolean({ description: 'Whether its contents were deleted' }),
  },
  { title: 'Warrant', description: 'A warrant on record' },
);

const EVENT = Type.Object(
  {
    at: time('When'),
    by: Type.Optional(Type.String({ description: 'The officer; absent: time or the elements decided' })),
    act: Type.String({ description: 'entered, approved, …' }),
    state: Type.Enum([...WARRANT_STATES]),
    generation: GENERATION,
    reason: Type.Optional(Type.String()),
    detail: Type.Optional(Type.String({ description: 'What was changed or proposed, as JSON' })),
  },
  { title: 'Event', description: 'What happened to a warrant' },
);

export const WARRANT_PAGE = Type.Object(
  {
    warrants: Type.Array(WARRANT_VIEW),
    next: Type.Optional(WARRANT_LIID),
  },
  { title: 'WarrantPage', description: 'Warrants by LIID; next: there are more, after this one' },
);

/** What may be done about a warrant, by the names of their paths. */
export const WARRANT_ACTS = [
  'submit',
  'approve',
  'reject',
  'amend',
  'extend',
  'suspend',
  'resume',
  'withdraw',
] as const;

const OPEN_ACT = Type.Object(
  {
    act: Type.Enum([...WARRANT_ACTS]),
    may: Type.Boolean(),
    code: Type.Optional(Type.String({ description: 'Why not, as the refusal would say it' })),
    why: Type.Optional(Type.String({ description: 'The same in words' })),
  },
  {
    title: 'OpenAct',
    description: 'Whether the caller may do something about a warrant as it is, and why not',
  },
);

const PROGRESS = Type.Object(
  {
    element: Type.String(),
    kind: Type.String(),
    task: Type.Enum(['none', 'pending', 'settled', 'refused', 'failing'], {
      description:
        'none: it has no part in it; pending: it has not answered; settled: it holds what it must; refused, failing: it refuses, or does not answer',
    }),
    delivers: Type.Boolean({ description: 'Whether it can deliver where it must' }),
  },
  { title: 'Progress', description: 'How far an element is with a warrant' },
);

export const WARRANT_FILE = Type.Object(
  {
    warrant: WARRANT_VIEW,
    history: Type.Array(EVENT),
    acts: Type.Array(OPEN_ACT),
    elements: Type.Array(PROGRESS),
  },
  { title: 'WarrantFile', description: 'A warrant with what has been, and what may be' },
);

const LIIDS = Type.Array(WARRANT_LIID);

export const IMPORTED = Type.Object(
  {
    entered: LIIDS,
    unchanged: LIIDS,
    differing: { ...LIIDS, description: 'On record otherwise; nothing was changed: amend them' },
  },
  { title: 'Imported', description: 'What came of an import' },
);

export type WarrantView = StaticDecode<typeof WARRANT_VIEW>;
export type WarrantEvent = StaticDecode<typeof EVENT>;

export const decodeWarrant = reader(WARRANT_VIEW, 'the answer');
export const decodePage = reader(WARRANT_PAGE, 'the answer');
/** As far as the command line shows it, so that an ADMF of before has it as well. */
export const decodeFile = reader(
  Type.Object({ warrant: WARRANT_FILE.properties.warrant, history: WARRANT_FILE.properties.history }),
  'the answer',
);
export const decodeImported = reader(IMPORTED, 'the answer');
