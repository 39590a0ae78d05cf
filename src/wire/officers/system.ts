/**
 * What the officers' interface of an ADMF says of the system (`api/admf.openapi.yaml`); none of it names a target, save
 * the audit log.
 *
 *     GET /v1/self                    whom the ADMF takes the caller for, and how warrants are approved
 *     GET /v1/status                  how many warrants in which state, what is wrong, the end of the audit log
 *     GET /v1/elements                whether they answer
 *     GET /v1/elements/differences    what they hold against what they must (ListAllDetails at each)
 *     GET /v1/alarms                  warrants that are degraded, and what elements have reported and not cleared
 *     GET /v1/audit?from=N&limit=N    records of the audit log from a given one on
 *     GET /v1/watch                   entities that the ADMF looks at for the caller
 *     GET /v1/watch/NAME/status       what the admin listener of one of them says (`host/watched.ts`)
 *                   …/metrics
 *                   …/audit?from=N&most=N
 */
import Type from 'typebox';
import { strict, Unfit } from '../../bytes/schema.ts';
import { WARRANT_LIID, reader, time } from './terms.ts';

export const SELF_PATH = '/v1/self';
export const STATUS_PATH = '/v1/status';
export const ELEMENTS_PATH = '/v1/elements';
export const DIFFERENCES_PATH = '/v1/elements/differences';
export const ALARMS_PATH = '/v1/alarms';
export const AUDIT_PATH = '/v1/audit';
export const WATCH_PATH = '/v1/watch';

/** Records of a page of the audit log at most, and where nothing is said. */
const MOST_RECORDS = 1000;
export const USUAL_RECORDS = 100;

/** A whole number in a query. */
function number(expected: string, min: number, max: number) {
  return Type.Decode(Type.String({ description: expected, errorMessage: expected }), (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) throw new Unfit(expected);
    return value;
  });
}

export const AUDIT_SELECTION = strict(
  {
    from: Type.Optional(number('a whole number from 0 on, of the first record', 0, Number.MAX_SAFE_INTEGER)),
    limit: Type.Optional(number(`a whole number from 1 to ${MOST_RECORDS}`, 1, MOST_RECORDS)),
  },
  { title: 'AuditSelection' },
);

/** A query that nothing may be said in. */
export const NO_SELECTION = strict({}, { title: 'NoSelection' });

export const decodeAuditSelection = reader(AUDIT_SELECTION, 'the query');
export const decodeNoSelection = reader(NO_SELECTION, 'the query');

export const WHOLE = Type.Integer({ minimum: 0 });
const HEAD = Type.Union([
  Type.Object({ sequence: WHOLE, hash: Type.String() }, { title: 'AuditHead' }),
  Type.Null(),
]);

export const SELF = Type.Object(
  {
    name: Type.String({ description: 'As the setting `officers.peers` has it' }),
    roles: Type.Array(Type.Enum(['officer', 'approver', 'auditor', 'operator'])),
    approval: Type.Enum(['two', 'one'], {
      description: 'two: another person approves what one has entered; one: submitting approves',
    }),
    emergencyMs: { ...WHOLE, description: 'In which the second approval of an emergency must follow' },
  },
  { title: 'Self', description: 'Whom the ADMF takes the caller for, and how warrants are approved' },
);

export const SYSTEM_STATUS = Type.Object(
  {
    time: time('The reading of the clock'),
    warrants: Type.Record(Type.String(), WHOLE, { description: 'How many are in each state' }),
    pending: { ...WHOLE, description: 'How many wait for an approval, themselves or with a change' },
    degraded: { ...WHOLE, description: 'Of how many an element lacks something' },
    issues: { ...WHOLE, description: 'What elements have reported and not cleared' },
    audit: HEAD,
  },
  { title: 'Status' },
);

export const ELEMENT_LIST = Type.Object(
  {
    elements: Type.Array(
      Type.Object(
        {
          ...{ identifier: Type.String(), kind: Type.String(), answers: Type.Boolean() },
          tasks: { ...WHOLE, description: 'How many tasks it must hold' },
        },
        { title: 'Element' },
      ),
    ),
  },
  { title: 'ElementList' },
);

export const DIFFERENCE_LIST = Type.Object(
  {
    differences: Type.Array(
      Type.Object(
        {
          element: Type.String(),
          problem: Type.Enum([
            'unreachable',
            'missing-task',
            'foreign-task',
            'missing-destination',
            'foreign-destination',
          ]),
          id: Type.Optional(Type.String({ description: 'XID or DID' })),
        },
        { title: 'Difference' },
      ),
    ),
  },
  { title: 'DifferenceList', description: 'What elements hold against what they must' },
);

export const ALARM_LIST = Type.Object(
  {
    degraded: Type.Array(WARRANT_LIID, { description: 'Warrants of which an element lacks something' }),
    issues: Type.Array(
      Type.Object(
        {
          element: Type.String(),
          about: Type.Enum(['task', 'destination', 'element']),
          id: Type.Optional(Type.String({ description: 'XID or DID' })),
          severity: Type.String(),
          code: Type.Optional(Type.Integer()),
          description: Type.String(),
          time: time('When it was reported'),
        },
        { title: 'Issue' },
      ),
    ),
  },
  { title: 'AlarmList' },
);

export const AUDIT_PAGE = Type.Object(
  {
    records: Type.Array(
      Type.Object(
        {
          sequence: WHOLE,
          time: Type.String(),
          event: Type.Unknown({ description: 'kind, and flat members' }),
          hash: Type.String({ description: 'Of the chain after this record' }),
        },
        { title: 'AuditRecord' },
      ),
    ),
    next: { ...WHOLE, description: 'Of the record after these' },
    head: HEAD,
  },
  { title: 'AuditPage' },
);

export const WATCH_LIST = Type.Object(
  {
    entities: Type.Array(
      Type.Object(
        {
          name: Type.String({ description: 'As its certificate has it' }),
          kind: Type.String({ description: 'kms, df, …' }),
        },
        { title: 'WatchedEntity' },
      ),
    ),
  },
  { title: 'WatchList', description: 'Entities that the ADMF looks at for the caller' },
);
