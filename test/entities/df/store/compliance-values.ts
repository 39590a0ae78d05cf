/** A call, and a change set that changes nothing. */
import type { Communication, DfChanges } from '../../../../src/entities/df/ports.ts';

export const CALL: Communication = {
  ...{ correlation: 'c', liid: 'L', cin: 3, nextHi2: 1, nextHi3: 2, lastSeen: 5 },
  ...{ standing: 'open', source: '192.0.2.1' },
};

export const NOTHING: DfChanges = {
  streams: [],
  communications: [],
  keySessions: [],
  outbox: [],
  evicted: [],
  losses: [],
  toldLosses: [],
  held: [],
  released: [],
  notices: [],
  retired: [],
  givenUp: [],
  forgottenStreams: [],
};
