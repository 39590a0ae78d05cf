/** Events of the server that the page came from: what has changed, and the server's clock. */
import { apiUrl } from './ask.ts';

export type LiveState = 'connecting' | 'live' | 'lost' | 'refused';

export interface LiveListener {
  /** Of the connection. */
  readonly state: (state: LiveState) => void;
  /** The server's reading of the clock, Unix milliseconds. */
  readonly time: (unixMs: number) => void;
  /** By the name of the event: its data. */
  readonly on: Readonly<Record<string, (data: unknown) => void>>;
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
  source.addEventListener('time', (event) =>
    listener.time(Date.parse(String(eventMember(dataOf(event), 'time')))),
  );
  for (const [name, take] of Object.entries(listener.on))
    source.addEventListener(name, (event) => take(dataOf(event)));
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

/** A member of what an event says; `null`: it has none of that name. */
export function eventMember(data: unknown, name: string): unknown {
  return typeof data === 'object' && data !== null
    ? (Object.entries(data).find(([key]) => key === name)?.[1] ?? null)
    : null;
}

function dataOf(event: Event): unknown {
  return event instanceof MessageEvent ? JSON.parse(String(event.data)) : null;
}
