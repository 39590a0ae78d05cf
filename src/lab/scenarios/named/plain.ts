/** Alice calls Bob: the demo that is run where no scenario is named, and the only one in which things go wrong. */
import { callChecks } from '../checks/call.ts';
import { decryptorChecks, loadedCode } from '../checks/decryptor.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { outageCheck } from '../checks/outage.ts';
import { interceptedChecks } from '../checks/intercepted.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario } from '../definition.ts';

export const plain: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob'] },
  warrants: contentWarrants,
  course: async (stage) => {
    const { targets, faults } = stage;
    const call = await stage.call('alice', 'bob');
    const loaded = await loadedCode(stage.network);
    return (parts) => [
      ...callChecks(parts, call),
      ...targets.flatMap((user) => interceptedChecks(parts, user, call)),
      ...decryptorChecks(loaded, false),
      ...elsewhereChecks(parts, targets),
      ...faults.outages.map((outage) => outageCheck(parts, outage, call)),
    ];
  },
};
