/** The settings of a subscriber that say where its calls go instead, as what they mean. */
import { Unfit } from '../../bytes/schema.ts';
import { addressOfRecord, parseUri } from '../../sip/uri.ts';
import type { Forwards, Subscriber } from './ports.ts';

/** Milliseconds that a call rings before it counts as unanswered. */
const UNANSWERED_MS = 20_000;

const CONDITIONAL = ['forwardBusyTo', 'forwardUnansweredTo', 'forwardUnavailableTo'] as const;

interface ForwardingSettings {
  readonly identity: string;
  readonly aliases: readonly string[];
  readonly forwardTo?: string;
  readonly forwardBusyTo?: string;
  readonly forwardUnansweredTo?: string;
  readonly forwardUnansweredAfterMs?: number;
  readonly forwardUnavailableTo?: string;
}

/** @throws Unfit for what leads back to the subscriber, or has no effect */
export function subscriberForwarding(
  settings: ForwardingSettings,
): Pick<Subscriber, 'forwardTo' | 'forwards'> {
  const { identity, aliases, forwardTo, forwardUnansweredAfterMs: afterMs } = settings;
  const { forwardBusyTo: busy, forwardUnansweredTo: to, forwardUnavailableTo: unavailable } = settings;
  const own = [identity, ...aliases].map((uri) => addressOfRecord(parseUri(uri)));
  for (const name of ['forwardTo', ...CONDITIONAL] as const) {
    const uri = settings[name];
    if (uri === undefined) continue;
    if (own.includes(addressOfRecord(parseUri(uri))))
      throw new Unfit('somebody else than the subscriber', name);
    if (forwardTo !== undefined && name !== 'forwardTo')
      throw new Unfit('no condition beside forwardTo, which takes all calls', name);
  }
  if (afterMs !== undefined && to === undefined)
    throw new Unfit('nothing without forwardUnansweredTo', 'forwardUnansweredAfterMs');
  const forwards: Forwards = {
    ...(busy === undefined ? {} : { busy }),
    ...(to === undefined ? {} : { unanswered: { to, afterMs: afterMs ?? UNANSWERED_MS } }),
    ...(unavailable === undefined ? {} : { unavailable }),
  };
  return {
    ...(forwardTo === undefined ? {} : { forwardTo }),
    ...(Object.keys(forwards).length === 0 ? {} : { forwards }),
  };
}
