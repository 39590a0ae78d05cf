/**
 * What the analysts' interface of a LEMF answers (`api/lemf.openapi.yaml`); of keys it has the length alone.
 *
 *     GET /v1/self                           whom the LEMF takes the caller for
 *     GET /v1/events                         that something has come, and of which call (server-sent events)
 *     GET /v1/calls                          the calls, the newest first
 *     GET /v1/calls/ID                       the calls of a communication: parties, ladder, what was recovered
 *     GET /v1/calls/ID/records/N             a PDU of HI2, and the MIKEY messages in it
 */
import Type from 'typebox';
import type { Static } from 'typebox';

const TEXT = Type.Union([Type.String(), Type.Null()]);
const WHOLE = Type.Integer({ minimum: 0 });
const SECONDS = Type.Number({ minimum: 0, description: 'Seconds from the beginning of the recording' });

export const ANALYST_SELF = Type.Object(
  {
    name: Type.String({ description: 'As the setting `analysts.peers` has it' }),
    roles: Type.Array(Type.String()),
    lemf: Type.String({ description: 'Name of the LEMF' }),
    exports: Type.Boolean({ description: 'Whether calls can be exported here' }),
  },
  { title: 'Self', description: 'Whom the LEMF takes the caller for' },
);

const ENTRY = {
  id: Type.String({ description: 'Of the communication: calls of several sources may have one' }),
  liid: Type.String({ description: 'In hex where it is not printed' }),
  cin: { ...WHOLE, description: 'Communication identity number' },
  source: {
    ...TEXT,
    description: 'Whose it is, where two sources have this LIID and CIN for different calls',
  },
  from: TEXT,
  to: TEXT,
  firstTime: TEXT,
  lastTime: TEXT,
  ended: Type.Boolean(),
  packets: { ...WHOLE, description: 'RTP packets' },
  recovered: Type.Union([Type.Boolean(), Type.Null()], {
    description: 'null: nobody has tried yet, with all that has come by now',
  }),
};

/** A call in the list. */
export const CALL_ENTRY = Type.Object(ENTRY, { title: 'CallEntry', description: 'A call in the list' });

export type CallEntry = Readonly<Static<typeof CALL_ENTRY>>;

export const CALL_LIST = Type.Object(
  {
    calls: Type.Array(CALL_ENTRY),
    next: Type.Optional({ ...WHOLE, description: '`before` of the next page; absent: there is none' }),
  },
  { title: 'CallList', description: 'Some of the calls, the newest first' },
);

const STEP = Type.Object(
  {
    at: Type.Union([Type.Number(), Type.Null()], { description: 'Unix milliseconds; null: not known' }),
    kind: Type.Enum(['message', 'key', 'failure', 'note']),
    from: Type.Integer({ minimum: 0, maximum: 1, description: '0: the target; 1: the other end' }),
    to: Type.Integer({ minimum: 0, maximum: 1, description: 'The same as from: it stands across' }),
    label: Type.String(),
    marks: Type.Array(Type.String(), { description: 'MIKEY messages by name' }),
    place: { ...WHOLE, description: "Of the record's PDU, in the order of delivery" },
  },
  { title: 'CallStep', description: 'A step of the ladder' },
);

const STREAM = Type.Object(
  {
    ssrc: WHOLE,
    csId: Type.Union([WHOLE, Type.Null()], { description: 'Crypto session' }),
    speaker: { ...TEXT, description: 'URI of the party that speaks, where signalling tells' },
    direction: Type.Enum(['fromTarget', 'toTarget', 'unknown']),
    encrypted: Type.Boolean(),
    decryptedInNetwork: Type.Boolean({ description: 'The delivery function has decrypted it' }),
    packets: WHOLE,
    authenticated: WHOLE,
    rejected: { ...WHOLE, description: 'Packets that no key opens, or that are malformed inside' },
    missing: WHOLE,
    seconds: Type.Number({ minimum: 0 }),
    file: { ...TEXT, description: 'Name of the WAV file; null: none was written' },
    furtherFiles: Type.Array(Type.Object({ file: Type.String() })),
    rtp: Type.Union([Type.Object({ file: Type.String(), packets: WHOLE }), Type.Null()], {
      description: 'Packets that are not decoded here, in the clear (rtpdump)',
    }),
    begins: Type.Union([Type.Number(), Type.Null()], { description: 'Unix milliseconds' }),
    keys: Type.Array(
      Type.Object({
        csId: Type.Union([WHOLE, Type.Null()]),
        suite: Type.String(),
        packets: WHOLE,
        at: SECONDS,
      }),
      { description: 'What opened packets, in order; the keys themselves are not told' },
    ),
    stretches: Type.Array(
      Type.Object({
        kind: Type.Enum(['gap', 'undecoded']),
        at: SECONDS,
        seconds: Type.Number({ minimum: 0 }),
        packets: WHOLE,
      }),
      { description: 'Where packets lack, or are not decoded' },
    ),
    digits: Type.String({ description: 'Keys pressed' }),
    events: Type.Array(Type.Object({ event: WHOLE, at: SECONDS, duration: WHOLE })),
    reason: { ...TEXT, description: 'Why it yields no audio, or not all of it' },
  },
  {
    title: 'StreamReport',
    description: 'A stream as `recover.json` has it; it has further members there and here',
  },
);

const REPORT = Type.Object(
  {
    recovered: Type.Boolean({
      description: 'Every packet of the call was decoded, save what nobody of the call sent',
    }),
    reason: { ...TEXT, description: 'Why not' },
    explanation: Type.String({ description: 'The same for people' }),
    records: Type.Object({ all: WHOLE, sip: WHOLE, keys: WHOLE, keyFailures: WHOLE }),
    streams: Type.Array(STREAM),
  },
  {
    title: 'CallReport',
    description: 'A call as `recover.json` has it; it has further members there and here',
  },
);

export const CALL_VIEWS = Type.Object(
  {
    calls: Type.Array(
      Type.Object(
        {
          ...ENTRY,
          parties: Type.Object({ target: Type.String(), other: Type.String() }),
          steps: Type.Array(STEP),
          further: { ...WHOLE, description: 'Steps beside these' },
          report: Type.Union([REPORT, Type.Null()], {
            description: 'What was recovered when it was tried last; null: nobody has',
          }),
        },
        { title: 'CallView', description: 'A call with its ladder' },
      ),
    ),
  },
  { title: 'CallViews', description: 'The calls of a communication' },
);

const FIELDS = Type.Object(
  {},
  { title: 'Fields', description: 'Values by their names, as trees', additionalProperties: true },
);

export const RECORD_VIEW = Type.Object(
  {
    octets: WHOLE,
    fields: FIELDS,
    mikey: Type.Array(
      Type.Union([
        Type.Object(
          {
            name: Type.String(),
            octets: WHOLE,
            header: FIELDS,
            payloads: Type.Array(
              Type.Object({
                ...{ name: Type.String(), type: WHOLE, offset: WHOLE, length: WHOLE },
                fields: FIELDS,
              }),
            ),
          },
          { title: 'MikeyMessage' },
        ),
        Type.Object({ unreadable: Type.String() }),
      ]),
    ),
  },
  { title: 'RecordView', description: 'A PDU of HI2, and the MIKEY messages in it, payload by payload' },
);

export const ANALYST_TIME_EVENT = Type.Object(
  { time: Type.String({ description: 'The reading of the clock' }) },
  { title: 'TimeEvent', description: 'Data of the event time' },
);

export const CALL_EVENT = Type.Object(
  { liid: Type.String(), cin: WHOLE },
  { title: 'CallEvent', description: 'Data of the event call: something of it has come' },
);
