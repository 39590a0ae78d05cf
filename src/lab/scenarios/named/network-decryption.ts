/**
 * Alice calls Bob, and the DF decrypts what is intercepted: keys go to it instead of the LEMF, which gets the content
 * in the clear and no key material. Both replace the keys while they speak.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { auditCheck } from '../checks/audit.ts';
import { callChecks } from '../checks/call.ts';
import { countChecks } from '../checks/counts.ts';
import { decryptorChecks, loadedCode } from '../checks/decryptor.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import {
  clearContentCheck,
  noKeyMaterialCheck,
  nothingToDecryptCheck,
} from '../checks/network-decryption.ts';
import { noticeCheck } from '../checks/notices.ts';
import { signallingCheck } from '../checks/signalling.ts';
import { recoveryCheck } from '../checks/target.ts';
import { unbrokenCheck, updatesCheck } from '../checks/updates.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario } from '../definition.ts';

const UPDATES = 2;

export const networkDecryption: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob'] },
  warrants: contentWarrants,
  configure: (party, config) =>
    party.startsWith('df.') ? { ...config, decryption: { at: 'network' } } : config,
  course: async (stage) => {
    const { network, targets } = stage;
    let updates = 0;
    const call = await stage.call('alice', 'bob', 'bob', undefined, {
      during: async (outgoing, answered) => {
        await sleep(400);
        await outgoing.rekey();
        await sleep(400);
        await answered.rekey();
        updates = Math.min(outgoing.updates, answered.updates);
      },
    });
    const loaded = await loadedCode(network);
    return (parts) => [
      ...callChecks(parts, call),
      unbrokenCheck(call),
      updatesCheck(updates, UPDATES),
      ...decryptorChecks(loaded, true),
      ...targets.flatMap((user) => {
        const home = network.homeOf(user).name;
        return [
          recoveryCheck(parts, 'alice', home, call),
          recoveryCheck(parts, 'bob', home, call),
          signallingCheck(parts, user),
          ...countChecks(parts, home),
          noticeCheck(parts, home),
          auditCheck(parts, home),
          noKeyMaterialCheck(parts, home),
          clearContentCheck(parts, home),
          nothingToDecryptCheck(parts, home),
        ];
      }),
      ...elsewhereChecks(parts, targets),
    ];
  },
};
