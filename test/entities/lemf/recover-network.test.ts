/** Content that the network has decrypted: taken at its word, and told apart from what is decrypted here. */
import { describe, expect, it } from 'vitest';
import { readStreamName, streamNameText } from '../../../src/wire/hi/ipmm-cc.ts';
import { AUDIO, content, invite, lengths, nth, only, range, runAll, sdp, sealed } from './others.ts';

const SECURED = AUDIO.map((line) => line.replace('AVP', 'SAVP'));
const blanked = 'a=key-mgmt:***** ******';
const offers = invite(sdp(blanked, ...SECURED), sdp(blanked, ...SECURED));
const decrypted = (csId: number | null, packets: readonly Uint8Array[]) =>
  packets.map((packet) => ({ ...content('target', packet), decrypted: { csId } }));
const spoken = (from: number, to: number) => range(from, to).map((n) => nth(n));

describe('R-15: content that the network has decrypted', () => {
  it('is decoded although the signalling says that it is encrypted, and is said to come from there', () => {
    const recovery = runAll([...offers, ...decrypted(1, spoken(0, 50))]);
    expect(lengths(recovery)).toEqual([8000]);
    const call = only(recovery);
    expect(call).toMatchObject({ recovered: true, reason: null });
    expect(call.streams).toMatchObject([
      { csId: 1, encrypted: true, decryptedInNetwork: true, authenticated: 0, keys: [], missing: 0 },
    ]);
    expect(call.explanation).toContain('the network has decrypted what was encrypted');
  });

  it('is one stream with what came before and after the keys changed, and needs no crypto session', () => {
    const recovery = runAll([...offers, ...decrypted(null, spoken(0, 50))]);
    expect(only(recovery).streams).toMatchObject([{ csId: null, decryptedInNetwork: true }]);
  });

  it('without the mark the same packets are not taken for speech', () => {
    const recovery = runAll([...offers, ...spoken(0, 50).map((packet) => content('target', packet))]);
    expect(recovery.audio).toEqual([]);
    expect(only(recovery)).toMatchObject({ recovered: false });
  });

  it('beside packets that were not opened: these are counted, and the call is not whole', () => {
    const late = sealed(5, 1, 50, 60).map((packet) => content('target', packet));
    const call = only(runAll([...offers, ...decrypted(1, spoken(0, 50)), ...late]));
    expect(call).toMatchObject({ recovered: false, reason: 'packets-refused' });
    expect(call.streams).toMatchObject([{ decryptedInNetwork: true, rejected: 10, packets: 60 }]);
  });
});

describe('R-15: names of streams', () => {
  it.each([
    ['a:1>b:2', null],
    ['a:1>b:2;decrypted', { csId: null }],
    ['a:1>b:2;decrypted=2', { csId: 2 }],
    [';decrypted=255', { csId: 255 }],
  ])('%s is read as it is written', (text, decryptedAs) => {
    const name = readStreamName(text);
    expect(name.decrypted).toEqual(decryptedAs);
    expect(streamNameText(name)).toBe(text);
  });

  it.each([
    'a>b;decrypted=0',
    'a>b;decrypted=x',
    'a>b;DECRYPTED',
    'a>b;decrypted=2 ',
    'm=audio 1;decrypted;x',
  ])('%j says nothing of decryption', (text) => {
    expect(readStreamName(text)).toEqual({ path: text, decrypted: null });
  });
});
