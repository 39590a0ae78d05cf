/** Calls that a phone makes because it was referred to somebody. */
import { formatReplaces } from '../../sip/referral.ts';
import { paramOf } from '../../sip/text.ts';
import { addressOfRecord } from '../../sip/uri.ts';
import { uriOfTarget } from './callable.ts';
import type { ReferredCall } from './transfer.ts';

/** What an INVITE says of the referral that it follows. */
export function fieldsOf(wish: ReferredCall | null): [string, string][] {
  if (wish === null) return [];
  const { by, replaces } = wish;
  const place: [string, string][] =
    replaces === null
      ? []
      : [
          ['Replaces', formatReplaces(replaces)],
          ['Require', 'replaces'],
        ];
  return [['Referred-By', `<${by}>`], ...place];
}

/** Whether a call to `target` would come back to this device. @param device its GRUU, or the address of record */
export function leadsTo(target: string, identity: string, device: string): boolean {
  if (addressOfRecord(uriOfTarget(target)) !== addressOfRecord(uriOfTarget(identity))) return false;
  const gr = grOf(target);
  return gr === null || gr === grOf(device);
}

/** The device that a URI is of. */
function grOf(target: string): string | null {
  const uri = uriOfTarget(target);
  return uri.kind === 'sip' ? paramOf(uri.params, 'gr') : null;
}
