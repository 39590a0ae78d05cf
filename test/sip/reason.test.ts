/** Why a request says that it ends a call (RFC 3326). */
import { describe, expect, it } from 'vitest';
import { formatReason, reasonIn } from '../../src/sip/reason.ts';

const reason = (...fields: string[]) => reasonIn({ all: (name) => (name === 'Reason' ? fields : []) });

describe('Reason', () => {
  it.each([
    [[formatReason(503)], 503],
    [['SIP ;cause=503 ;text="Going down"'], 503],
    [['sip;text="a;cause=480";Cause=503'], 503],
    [['Q.850;cause=16;text="Terminated", SIP;cause=503'], 503],
    [['Q.850;cause=16', 'SIP;cause=600'], 600],
  ])('%j is %i', (fields, cause) => expect(reason(...fields)).toBe(cause));

  it.each([
    [[]],
    [['']],
    [['SIP']],
    [['SIP;cause']],
    [['SIP;cause=abc']],
    [['SIP;cause=1000']],
    [['SIP;cause=200']],
    [['Q.850;cause=503']],
    [['SIP;=503']],
    [['SIP;cause="503']],
  ])('%j names no status', (fields) => expect(reason(...fields)).toBeNull());
});
