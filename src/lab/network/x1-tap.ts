/** A tap on X1: documents on the timeline, as the ADMF sends and receives them. */
import type { X1Recorder } from '../../x1/endpoint.ts';
import type { Timeline } from '../timeline.ts';

export function x1Tap(timeline: Timeline): X1Recorder {
  return (from, to, octets) => timeline.add('X1', short(from), short(to), summary(octets));
}

/** The types of the messages in a document: `ActivateTaskRequest`, `ActivateTaskResponse`. */
function summary(octets: Uint8Array): string {
  const text = Buffer.from(octets).toString('utf8');
  const types = [...text.matchAll(/xsi:type="(?:\w+:)?(\w+)"/g)].map((match) => match[1] ?? '');
  return types.filter((type) => /(Request|Response)$/.test(type)).join(', ');
}

/** `kms.home1.example` as `kms.home1`. */
function short(identifier: string): string {
  return identifier.replace(/\.example$/, '');
}
