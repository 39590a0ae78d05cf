/**
 * The media streams of a call: decrypted, decoded, put in order. Streams are told apart by direction, by source and by
 * the key that opens them, and never by SSRC alone: both ends may have chosen one (RFC 3550 section 8.2). Every stream of
 * every m= line is taken, not the first only.
 *
 *     by direction and SSRC ─┬─ the network did    decrypted there: by crypto session
 *                            ├─ a key opens it     by crypto session (a change of keys goes on in one stream)
 *                            ├─ sent in the clear  by source
 *                            └─ neither            refused: beside the stream of that direction and SSRC, or alone
 */
import { decodeRtpHeader } from '../../media/rtp.ts';
import { GroupRecovery } from './group.ts';
import type { Draft, RecoveredStream, StreamSources } from './group.ts';
import { Protection } from './protection.ts';
import type { PacketGroup } from './workspace.ts';

/**
 * Sources of a call that are looked at, each with its direction: those that the signalling names first, then those with
 * the most packets. What somebody makes up beside them is counted, and takes the place of none that matters.
 */
const MAX_GROUPS = 500;

export interface RecoveredStreams {
  readonly streams: readonly RecoveredStream[];
  /** Sources and packets that were not looked at. */
  readonly passedOver: { readonly sources: number; readonly packets: number };
}

/** All streams of a call, by crypto session and first appearance. */
export function recoverStreams(sources: StreamSources): RecoveredStreams {
  const { call, signalling, workspace } = sources;
  const protection = new Protection(call, signalling);
  const { taken, passedOver } = groupsOf(sources);
  let { sources: passedSources, packets: passedPackets } = passedOver;
  const drafts: Draft[] = [];
  for (const group of taken) {
    const recovery = new GroupRecovery(group, sources, protection);
    for (const { at, length, path, time, place, decrypted } of workspace.packets(
      call.session,
      group,
      call.owners,
    )) {
      const location = { at, length };
      const packet = workspace.read(location).slice();
      recovery.take({
        header: decodeRtpHeader(packet).header,
        packet,
        location,
        path,
        time,
        place,
        decrypted,
      });
    }
    drafts.push(...recovery.drafts());
    passedSources += recovery.passedOver > 0 ? 1 : 0;
    passedPackets += recovery.passedOver;
    workspace.bench.clear();
  }
  const streams = drafts.map((draft) => judged(draft, drafts));
  return {
    streams: streams.sort((a, b) => (a.csId ?? 256) - (b.csId ?? 256)),
    passedOver: { sources: passedSources, packets: passedPackets },
  };
}

function groupsOf({ call, signalling, workspace }: StreamSources): {
  readonly taken: readonly PacketGroup[];
  readonly passedOver: { readonly sources: number; readonly packets: number };
} {
  const named = new Set(signalling.cryptoSessions.map(({ ssrc }) => ssrc));
  const rank = (group: PacketGroup) => (named.has(group.ssrc) ? Infinity : group.packets);
  let taken = new Map<string, PacketGroup>();
  let [sources, packets] = [0, 0];
  const keepMost = (): void => {
    const byRank = [...taken].sort(([, a], [, b]) => rank(b) - rank(a) || a.first - b.first);
    for (const [, group] of byRank.slice(MAX_GROUPS)) {
      sources++;
      packets += group.packets;
    }
    taken = new Map(byRank.slice(0, MAX_GROUPS));
  };
  for (const group of workspace.groups(call.session, call.owners)) {
    const key = `${group.direction} ${group.ssrc}`;
    const { first, packets: before } = taken.get(key) ?? { ...group, packets: 0 };
    taken.set(key, { ...group, first, packets: before + group.packets });
    if (taken.size > 2 * MAX_GROUPS) keepMost();
  }
  keepMost();
  return { taken: [...taken.values()].sort((a, b) => a.first - b.first), passedOver: { sources, packets } };
}

/**
 * A stream that no key opens does not count where the same end's stream was opened beside it, unless it advances as a
 * medium does: without that it is something that somebody threw in. One that does and has a key of its own counts in any
 * case, one of no crypto session only if the other did not go on all the while.
 */
function judged({ stream, refused }: Draft, drafts: readonly Draft[]): RecoveredStream {
  if (stream.reason !== 'foreign-stream' && stream.reason !== 'key-does-not-verify') return stream;
  const beside = drafts.filter(
    ({ stream: other }) =>
      (other.authenticated > 0 || other.decryptedInNetwork) && other.direction === stream.direction,
  );
  if (beside.length === 0) return stream;
  const { first, last, isMedium } = refused ?? { first: Infinity, last: -Infinity, isMedium: false };
  const covered = beside.some(({ spans }) => spans.some((run) => run.first <= first && run.last >= last));
  if (isMedium && (!covered || stream.reason === 'key-does-not-verify')) return stream;
  return { ...stream, disregarded: true };
}
