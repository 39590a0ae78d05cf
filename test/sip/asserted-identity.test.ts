import { describe, expect, it } from 'vitest';
import { assertedIdentities, readAddresses } from '../../src/sip/asserted-identity.ts';
import { request } from './support.ts';

const GOOD = '<sip:victor@home2.example>';

describe('R-64: a list of addresses with a malformed value', () => {
  it.each([
    ['before it', `<sip:x@, ${GOOD}`],
    ['after it', `${GOOD}, <sip:x@`],
    ['a quote that is not closed', `"Victor <sip:x@y>, ${GOOD}`],
    ['not a URI', `not a name, ${GOOD}`],
    ['an empty value', `, ${GOOD}`],
    ['a parameter without a name', `<sip:x@y>;=1, ${GOOD}`],
  ])('keeps the good one: %s', (_, line) => {
    const { addresses, unreadable } = assertedIdentities(request('INVITE', { 'P-Asserted-Identity': line }));
    expect([addresses.map(({ uri }) => uri.text), unreadable]).toEqual([['sip:victor@home2.example'], 1]);
  });

  it('over several lines, in any field', () => {
    const message = request('INVITE', { 'P-Preferred-Identity': '<' });
    message.append('P-Preferred-Identity', `"A, B" ${GOOD}, tel:+12125550101`);
    message.append('P-Preferred-Identity', '"');
    const { addresses, unreadable } = readAddresses(message, 'P-Preferred-Identity');
    expect(addresses.map(({ uri }) => uri.text)).toEqual(['sip:victor@home2.example', 'tel:+12125550101']);
    expect(unreadable).toBe(2);
  });
});
