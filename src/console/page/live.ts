/** Events of the officers' interface: what has changed, and the server's clock. */
import type { SystemJson } from './answers.ts';
import { apiUrl } from './ask.ts';

export type LiveState = 'connecting' | 'live' | 'lost' | 'refused';

export interface LiveListener {
  /** Of the connection. */
  readonly state: (state: LiveState) => void;
  /** The server's reading of the clock, Unix milliseconds. */
  readonly time: (unixMs: number) => void;
  readonly system: (system: SystemJson) => void;
  readonly warrant: (liid: string) => void;
  /** More has changed than was told: at a beginning, too. */
  readonly resync: () => void;
}

/** A refused stream is asked for again after this, milliseconds. */
const AGAIN_MS = 15_000;

/** Listens until the page goes; a stream that ends is asked for anew. */
export function listenLive(listener: LiveListener): void {
  const source = new EventSource(apiUrl('events'));
  source.addEventListener('open', () => {
    listener.state('live');
    listener.resync();
  });
  source.addEventListener('time', (event) => listener.time(Date.parse(String(memberOf(event, 'time')))));
  source.addEventListener('system', (event) => {
    const data = dataOf(event);
    if (isSystem(data)) listener.system(data);
  });
  source.addEventListener('warrant', (event) => listener.warrant(String(memberOf(event, 'liid'))));
  source.addEventListener('resync', () => listener.resync());
  source.addEventListener('error', () => {
    // A browser goes on by itself where the stream has ended, and not where it was refused.
    if (source.readyState !== EventSource.CLOSED) {
      listener.state('lost');
      return;
    }
    listener.state('refused');
    setTimeout(() => listenLive(listener), AGAIN_MS);
  });
}

function dataOf(event: Event): unknown {
  return event instanceof MessageEvent ? JSON.parse(String(event.data)) : null;
}

function memberOf(event: Event, name: string): unknown {
  const data = dataOf(event);
  return typeof data === 'object' && data !== null
    ? Object.entries(data).find(([key]) => key === name)?.[1]
    : null;
}

function isSystem(data: unknown): data is SystemJson {
  return (
    typeof data === 'object' && data !== null && 'warrants' in data && 'revision' in data && 'away' in data
  );
}
