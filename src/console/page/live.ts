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
  const dataOf = (event: Event): Readonly<Record<string, unknown>> =>
    JSON.parse((event as MessageEvent<string>).data) as Record<string, unknown>;
  source.addEventListener('open', () => {
    listener.state('live');
    listener.resync();
  });
  source.addEventListener('time', (event) => listener.time(Date.parse(String(dataOf(event)['time']))));
  source.addEventListener('system', (event) => listener.system(dataOf(event) as unknown as SystemJson));
  source.addEventListener('warrant', (event) => listener.warrant(String(dataOf(event)['liid'])));
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
