/**
 * Phones prove themselves to their KMS by certificates instead of pre-shared keys (RFC 6267 section 4.2.1, REQUEST_KEY_INIT_PKE).
 * Alice calls Bob with keys that they got so. Before that, Carol asks with her certificate for Alice's keys, and somebody asks
 * with a certificate for Alice that the operator's authority has not issued.
 */
import { callChecks } from '../checks/call.ts';
import { certifiedCheck, intruderChecks } from '../checks/certificates.ts';
import type { Intruder } from '../checks/certificates.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { interceptedChecks } from '../checks/intercepted.ts';
import { keyRecordsCheck } from '../checks/keys.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario } from '../definition.ts';
import { askedWith, certificateOf, forgedCertificate } from '../intruders.ts';
import type { RsaPair } from '../../../net/rsa-pair.ts';
import type { Stage } from '../stage.ts';
import { liidOf } from '../warrants.ts';

export const certified: DemoScenario = {
  users: { home1: ['alice', 'carol'], home2: ['bob'] },
  certified: 'all',
  warrants: contentWarrants,
  course: async (stage) => {
    const { network, targets } = stage;
    const intruders = await intrude(stage);
    const call = await stage.call('alice', 'bob');
    return (parts) => [
      ...callChecks(parts, call),
      certifiedCheck(parts, 'home1', ['alice', 'carol']),
      certifiedCheck(parts, 'home2', ['bob']),
      ...intruderChecks(parts, 'home1', intruders),
      ...targets.flatMap((user) => [
        ...interceptedChecks(parts, user, call),
        keyRecordsCheck(parts, network.homeOf(user).name, liidOf(user), 2),
      ]),
      ...elsewhereChecks(parts, targets),
    ];
  },
};

async function intrude({ network, timeline, now }: Stage): Promise<Intruder[]> {
  const ask = async (who: string, by: RsaPair): Promise<string> => {
    const told = await askedWith(network, by, { phone: 'alice', now: now() });
    timeline.add('REQUEST_KEY', who, 'kms.home1', `keys of alice: ${told}`);
    return told;
  };
  return [
    {
      who: "carol's certificate for alice's keys",
      expected: 'Invalid ID',
      told: await ask('carol', certificateOf(network, 'carol', now())),
      record: { kind: 'keys-refused', reason: 'foreign-identity' },
    },
    {
      who: 'a certificate for alice of an authority that it does not know',
      expected: 'Invalid Cert',
      told: await ask('stranger', await forgedCertificate(network.identity('alice'), now())),
      record: { kind: 'certificate-refused', reason: 'untrusted' },
    },
  ];
}
