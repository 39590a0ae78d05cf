/**
 * What messages of the officers' interface are made of (`api/admf.openapi.yaml`). Times are RFC 3339 with a zone, in
 * JSON; in the program they are Unix milliseconds.
 */
import Type from 'typebox';
import type { TSchema } from 'typebox';
import { faultText, Form, strict, Unfit } from '../../bytes/schema.ts';
import { OfficersError } from './errors.ts';

/** Identities of one target at most. */
const MOST_TARGETS = 64;
const LONGEST_TEXT = 1024;

const TIME_EXPECTED = 'a time with zone (RFC 3339), e.g. 2030-01-31T12:00:00Z';

/** Unix milliseconds of a time as RFC 3339 has it; `null`: it is not one, or not one of the calendar. */
export function parseTime(text: string): number | null {
  const match =
    /^(\d{4}-(\d{2})-(\d{2}))T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i.exec(
      text,
    );
  if (match === null) return null;
  // The system's reader takes 30 February for 2 March.
  const day = new Date(`${match[1] ?? ''}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.getUTCDate() !== Number(match[3])) return null;
  const time = Date.parse(text.toUpperCase());
  return Number.isNaN(time) ? null : time;
}

export const time = (description: string) =>
  Type.Decode(Type.String({ description, maxLength: 40, errorMessage: TIME_EXPECTED }), (text) => {
    const unixMs = parseTime(text);
    if (unixMs === null) throw new Unfit(TIME_EXPECTED);
    return unixMs;
  });

export const sentence = (description: string, { empty = false } = {}) =>
  Type.String({
    minLength: empty ? 0 : 1,
    maxLength: LONGEST_TEXT,
    description,
    errorMessage: `a text of ${empty ? 0 : 1} to ${LONGEST_TEXT} characters`,
  });

/** A path has no segment `.` or `..`, and every warrant has its path. */
export const WARRANT_LIID = Type.String({
  title: 'Liid',
  pattern: '^(?!\\.{1,2}$)(?:[!-~]{1,25}|[0-9a-f]{26,50})$',
  description: 'Lawful interception identifier',
  examples: ['LIID-1'],
  errorMessage: '1 to 25 printable characters without spaces, or 26 to 50 hexadecimal digits in lower case',
});

const HOST_PORT = strict(
  {
    host: Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'Host name or IP address',
      errorMessage: 'a host name or an IP address',
    }),
    port: Type.Integer({ minimum: 1, maximum: 65_535 }),
  },
  { title: 'HostPort' },
);

export const TARGET = strict(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'An identifier of X1: sipUri, telUri, impu, …',
      examples: ['sipUri'],
      errorMessage: 'the name of an identifier of X1: sipUri, telUri, impu, …',
    }),
    value: sentence('Its value'),
  },
  { title: 'Target' },
);

export const LEMF = strict(
  { hi2: HOST_PORT, hi3: Type.Optional(HOST_PORT) },
  { title: 'Lemf', description: 'Where HI2 and HI3 go; IRI+CC needs both' },
);

/** `true`: where a session begins and ends; `uponChange`: then as well. */
export const LOCATION_TERM = Type.Union([Type.Boolean(), Type.Literal('uponChange')], {
  errorMessage: 'true, false or "uponChange"',
});

/** `false`: none may. */
export const XK_TERM = Type.Union(
  [
    Type.Literal(false),
    Type.String({
      pattern: '^[A-Za-z0-9._-]{1,253}$',
      description: 'A name in the certificate of that LEMF',
    }),
  ],
  { errorMessage: 'a name of letters, digits, dots and hyphens, or false' },
);

const WARRANT_MEMBERS = {
  targets: Type.Array(TARGET, {
    minItems: 1,
    maxItems: MOST_TARGETS,
    description: 'Identities of the one target',
  }),
  delivery: Type.Enum(['IRI', 'IRI+CC'], { description: 'IRI+CC for content and keys' }),
  endTime: time('In force until here, exclusive'),
  lemf: LEMF,
};

const START = time('In force from here on, inclusive; absent: from when it is entered');

/** A warrant as an officer enters it. */
export const WARRANT_ENTRY = strict(
  {
    liid: WARRANT_LIID,
    ...WARRANT_MEMBERS,
    startTime: Type.Optional(START),
    location: {
      ...LOCATION_TERM,
      default: false,
      description:
        "Whether the warrant covers the target's location: true where a session or something else begins or ends, uponChange also in between",
    },
    xk: {
      ...XK_TERM,
      default: false,
      description:
        'The LEMF that may ask the KMS for keys itself, where the operator has switched that on; there are keys with IRI+CC alone',
    },
  },
  { title: 'WarrantEntry', description: 'A warrant as an officer enters it' },
);

/** What of a warrant is to be otherwise. */
export const WARRANT_CHANGES = strict(
  {
    targets: Type.Optional(WARRANT_MEMBERS.targets),
    delivery: Type.Optional(WARRANT_MEMBERS.delivery),
    startTime: Type.Optional(START),
    endTime: Type.Optional(WARRANT_MEMBERS.endTime),
    lemf: Type.Optional(WARRANT_MEMBERS.lemf),
    location: Type.Optional(LOCATION_TERM),
    xk: Type.Optional(XK_TERM),
  },
  {
    title: 'WarrantChanges',
    description: 'What of a warrant is to be otherwise',
    minProperties: 1,
    errorMessage: 'an object with one change at least',
  },
);

/** Reads a body, or an answer: all that is wrong at once. */
export function reader<S extends TSchema>(schema: S, what: string) {
  const form = new Form(schema, { all: true });
  return (json: unknown) =>
    form.readOr(json, (faults) => {
      const told = faults.map((fault) => faultText(fault, what, 'member'));
      return new OfficersError('malformed', told.join('; '));
    });
}
