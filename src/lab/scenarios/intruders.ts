/** Whoever asks a KMS for what is not theirs, with a certificate: what they are told. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { HttpsKmsClient } from '../../endpoint/kms-client.ts';
import { ueConfig } from '../../entities/ue/config.ts';
import { systemClock, systemRandom } from '../../host/runtime.ts';
import { districtOfKms } from '../../ibake/identity.ts';
import { decodeMessage, onlyPayload } from '../../mikey/message.ts';
import { ERROR_NO, nameOf } from '../../mikey/registry.ts';
import { HostMap } from '../../net/hosts.ts';
import { HttpsClient } from '../../net/https.ts';
import { readPemFile, readRsaCertificate, readRsaPair } from '../../net/rsa-pair.ts';
import type { RsaPair } from '../../net/rsa-pair.ts';
import { makeCertifiedKeyRequest } from '../../wire/request-key/request.ts';
import { LabError } from '../errors.ts';
import type { Network } from '../network/network.ts';
import { LabAuthority } from '../pki/authority.ts';

/** The certificate of a phone that has one. @param now Unix milliseconds @throws LabError `options` */
export function certificateOf(network: Network, phone: string, now: number): RsaPair {
  return readRsaPair(filesOf(network, phone), 'digitalSignature', now);
}

/** A certificate for an identity, of an authority that nobody knows. */
export async function forgedCertificate(identity: string, now: number): Promise<RsaPair> {
  const validity = { from: now - 3_600_000, to: now + 3_600_000 };
  const authority = await LabAuthority.create('Claviger laboratory', validity);
  const subject = {
    commonName: 'forged',
    dnsNames: [],
    roles: [],
    uris: [identity],
    use: 'signing',
  } as const;
  const { certificate, privateKey } = await authority.issue(subject, validity);
  return { chain: [new X509Certificate(certificate)], privateKey: createPrivateKey(privateKey) };
}

/** Asks the KMS of a phone for the keys of the phone's user. @returns the name of the MIKEY error; `keys` if there were some */
export async function askedWith(
  network: Network,
  by: RsaPair,
  { phone, now }: { readonly phone: string; readonly now: number },
): Promise<string> {
  const { kms, hosts, authorities, identity } = ueConfig(network.phoneConfigOf(phone));
  const theirs = readRsaCertificate(filesOf(network, phone).kmsCertificate, 'keyEncipherment', now);
  const credential = { ...by, kms: theirs, district: districtOfKms(kms.url) };
  const wanted = { uris: [identity], time: now, wanted: { from: null, to: null } };
  const request = makeCertifiedKeyRequest(credential, wanted, systemRandom());
  const tls = { authorities: readPemFile(authorities, 'authorities') };
  const https = new HttpsClient({ hosts: new HostMap(hosts), tls });
  try {
    const answer = await new HttpsKmsClient(https, kms.url, systemClock()).requestKeys(request.octets);
    if (answer.kind === 'later') return 'later';
    const error = onlyPayload(decodeMessage(answer.octets), 'err');
    return error === null ? 'keys' : (nameOf(ERROR_NO, error.errorNo) ?? `error ${error.errorNo}`);
  } finally {
    await https.close();
  }
}

function filesOf(network: Network, phone: string) {
  const { proof } = ueConfig(network.phoneConfigOf(phone)).kms;
  if (proof.kind === 'certificate') return proof;
  throw new LabError('options', `the phone of ${phone} has no certificate`);
}
