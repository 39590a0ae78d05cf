/** Tells on the timeline what happens at the DFs and LEMFs. */
import type { DfEvent } from '../../entities/df/events.ts';
import type { LemfEvent } from '../../entities/lemf/ports.ts';
import type { HomeName } from '../network/home.ts';
import type { Timeline } from '../timeline.ts';

export function narrateDf(timeline: Timeline, home: HomeName, event: DfEvent): void {
  const [df, kms] = [`df.${home}`, `kms.${home}`];
  switch (event.type) {
    case 'received':
      if (event.reference === 'x2') timeline.add('X2', short(event.from), df, event.summary);
      else timeline.tell('X3', short(event.from), df, `a packet of media, ${event.octets} octets`);
      break;
    case 'asked':
      timeline.add('Xk', df, kms, `get_keys for ${event.target}`);
      break;
    case 'keys':
      timeline.add('Xk', kms, df, `get_keys_response: ${event.cryptoSessions} crypto sessions`);
      break;
    case 'no-keys':
      timeline.add('Xk', kms, df, `no keys: ${event.reason}`);
      break;
    case 'record':
    case 'notice':
      break;
  }
}

export function narrateLemf(timeline: Timeline, home: HomeName, event: LemfEvent): void {
  const [df, lemf] = [`df.${home}`, `lemf.${home}`];
  switch (event.type) {
    case 'record': {
      const keys = event.csIds.map((id) => `, CS ID ${id}`).join('');
      timeline.add('HI2', df, lemf, `${event.event}${keys}`);
      break;
    }
    case 'notice': {
      const text = event.text === null ? '' : `: ${event.text}`;
      timeline.add('HI2', df, lemf, `${event.operation} ${event.liid}${text}`);
      break;
    }
    case 'content': {
      const how = event.decrypted ? 'decrypted in the network' : 'encrypted';
      const ssrc = event.ssrc.toString(16).padStart(8, '0');
      timeline.add('HI3', df, lemf, `first packet of SSRC ${ssrc}, ${how}`);
      break;
    }
    case 'gap': {
      const what = `gap: ${event.expected} expected, ${event.received} came`;
      timeline.add(event.kind === 'hi2' ? 'HI2' : 'HI3', df, lemf, what);
      break;
    }
    default:
      break;
  }
}

function short(name: string): string {
  return name.replace(/\.example$/, '');
}
