/** Certificates of elements of the first home. */
import path from 'node:path';
import { LabPki } from '../../src/lab/network/pki.ts';
import type { Role, TlsFiles } from '../../src/net/tls.ts';

/** One for each role, by the name of it, of an authority that is made in `folder`/pki. @param now milliseconds */
export async function roleCertificates<R extends Role>(
  folder: string,
  now: number,
  roles: readonly R[],
): Promise<Readonly<Record<R, TlsFiles>>> {
  const pki = await LabPki.create(path.join(folder, 'pki'), now);
  const issued = roles.map(async (role) => {
    const commonName = `${role}.home1.example`;
    return [role, await pki.issue({ commonName, dnsNames: [commonName], roles: [role] })] as const;
  });
  return Object.fromEntries(await Promise.all(issued)) as Record<R, TlsFiles>;
}
