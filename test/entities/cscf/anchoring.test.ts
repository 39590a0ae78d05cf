/** Media of a call through the gateway: what session descriptions of several streams turn into. */
import { describe, expect, it } from 'vitest';
import { AnchoredCall } from '../../../src/entities/cscf/anchoring.ts';
import type { Side } from '../../../src/entities/cscf/anchoring.ts';
import { SDP_TYPE, SessionDescription } from '../../../src/sip/sdp.ts';
import { fromOctets, toOctets } from '../../../src/sip/text.ts';
import { request, silentLogger } from '../../sip/support.ts';
import { FakeGateway } from './network.ts';

const HEAD = ['v=0', 'o=x 1 1 IN IP4 10.0.0.1', 's=-', 'c=IN IP4 10.0.0.1', 't=0 0'];

function sdp(...lines: readonly string[]): string {
  return [...HEAD, ...lines].map((line) => `${line}\r\n`).join('');
}

function anchored(gateway: FakeGateway): (from: Side, text: string) => Promise<string> {
  const call = new AnchoredCall(gateway, silentLogger, {
    correlation: new Uint8Array(8),
    parties: () => ({ a: [], b: [] }),
    newId: (branch) => branch,
  });
  return async (from, text) => {
    const message = request('UPDATE', {}, text);
    message.setBody(SDP_TYPE, toOctets(text));
    await call.onBranch(message, from, 'branch', 'b1');
    return fromOctets(message.body);
  };
}

function media(text: string): string[] {
  return SessionDescription.parse(toOctets(text)).media.map(
    ({ media: kind, port, connection }) => `${kind} ${port === 0 ? 'off' : (connection?.address ?? '')}`,
  );
}

describe('anchored session descriptions', () => {
  it('a stream that was refused and is offered again is anchored in that very offer (R-53)', async () => {
    const gateway = new FakeGateway();
    const pass = anchored(gateway);
    const two = ['m=audio 4000 RTP/SAVP 0', 'm=video 4002 RTP/SAVP 99'];
    expect(media(await pass('a', sdp(...two)))).toEqual(['audio 127.0.0.77', 'video 127.0.0.77']);
    await pass('b', sdp('m=audio 5000 RTP/SAVP 0', 'm=video 0 RTP/SAVP 99'));
    expect(gateway.puts.at(-1)?.streams[1]).toBeNull();
    const again = await pass('a', sdp('m=audio 4000 RTP/SAVP 0', 'm=video 4004 RTP/SAVP 99'));
    expect(media(again)).toEqual(['audio 127.0.0.77', 'video 127.0.0.77']);
    expect(gateway.puts.at(-1)?.streams[1]).toEqual({ a: { address: '10.0.0.1', port: 4004 }, b: null });
    expect(again).not.toContain('4004');
    const answer = await pass('b', sdp('m=audio 5000 RTP/SAVP 0', 'm=video 5002 RTP/SAVP 99'));
    expect(media(answer)).toEqual(['audio 127.0.0.77', 'video 127.0.0.77']);
  });

  it('also where the offer is the same as the one before', async () => {
    const pass = anchored(new FakeGateway());
    const offer = sdp('m=audio 4000 RTP/SAVP 0', 'm=video 4002 RTP/SAVP 99');
    await pass('a', offer);
    await pass('b', sdp('m=audio 5000 RTP/SAVP 0', 'm=video 0 RTP/SAVP 99'));
    const again = await pass('a', offer);
    expect(media(again)).toEqual(['audio 127.0.0.77', 'video 127.0.0.77']);
    expect(again).not.toContain('4002');
  });

  it('ways around the gateway are taken out: candidates of ICE, addresses of RTCP', async () => {
    const pass = anchored(new FakeGateway());
    const ice = ['a=ice-ufrag:F7gI', 'a=ice-pwd:x9cml/YzichV2+XlhiMu8g', 'a=ice-options:ice2'];
    const candidates = [
      'a=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host',
      'a=remote-candidates:1 10.0.0.2 5000',
      'a=end-of-candidates',
      'a=rtcp:4001 IN IP4 10.0.0.1',
    ];
    const offer = sdp(
      ...ice,
      'a=ice-lite',
      'a=tool:x',
      'm=audio 4000 RTP/SAVP 0',
      ...ice,
      ...candidates,
      'a=sendrecv',
    );
    const passed = await pass('a', offer);
    const kept = passed.split('\r\n').filter((line) => line.startsWith('a='));
    expect(kept).toEqual(['a=tool:x', 'a=sendrecv']);
  });

  it('an address of all zeros is nowhere: the party is on hold, and the stream stays', async () => {
    const gateway = new FakeGateway();
    const pass = anchored(gateway);
    await pass('a', sdp('m=audio 4000 RTP/SAVP 0', 'c=IN IP4 0.0.0.0'));
    expect(gateway.puts.at(-1)?.streams).toEqual([{ a: null, b: null }]);
  });
});
