/** Peers of other vendors and networks: their certificates name no role of ours. */
import 'reflect-metadata'; // @peculiar/x509 needs it before its own import
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configReader, TLS_FILES } from '../../src/host/config.ts';
import { LabPki } from '../../src/lab/network/pki.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { HttpsClient, httpsServer, listen, peerOfRequest } from '../../src/net/https.ts';
import type { RoleGrant } from '../../src/net/role-table.ts';
import { hasRole, loadTls, peerOfCertificate, requireOwn, secureContext } from '../../src/net/tls.ts';
import type { TlsFiles, TlsMaterial } from '../../src/net/tls.ts';
import { TlsListener } from '../../src/net/tls-listener.ts';
import { silent } from '../support/silent.ts';

const now = Date.now();
const folder = mkdtempSync(path.join(tmpdir(), 'claviger-foreign-'));
const NAME = 'mediation.vendor.example';
let own: TlsFiles;
let foreign: TlsFiles;
let certificate: X509Certificate;

beforeAll(async () => {
  const pki = await LabPki.create(path.join(folder, 'pki'), now);
  const issue = (commonName: string, roles: 'kms'[]) =>
    pki.issue({ commonName, dnsNames: [commonName], roles });
  own = await issue('kms.home1.example', ['kms']);
  foreign = await issue(NAME, []);
  certificate = new X509Certificate(readFileSync(foreign.certificate));
});
afterAll(() => rmSync(folder, { recursive: true }));

const rolesBy = (...roles: readonly RoleGrant[]) => peerOfCertificate(certificate, { roles }).roles;
const DF = ['df'] as const;

describe('a role by the table of the configuration', () => {
  it('R-95: is of the certificates of a subject, a name or a fingerprint, and of no others', () => {
    const print = certificate.fingerprint256;
    expect(rolesBy({ subject: `CN=${NAME}`, roles: DF })).toEqual(['df']);
    expect(rolesBy({ san: NAME.toUpperCase(), roles: DF })).toEqual(['df']);
    expect(rolesBy({ fingerprint: print, roles: DF })).toEqual(['df']);
    expect(rolesBy({ fingerprint: print.replaceAll(':', '').toLowerCase(), roles: DF })).toEqual(['df']);
    expect(rolesBy({ san: NAME, roles: DF }, { san: NAME, roles: ['lemf', 'df'] })).toEqual(['df', 'lemf']);
    expect(rolesBy()).toEqual([]);
    expect(rolesBy({ subject: `CN=${NAME}, O=Vendor`, roles: DF })).toEqual([]);
    expect(rolesBy({ subject: 'O=Vendor', roles: DF })).toEqual([]);
    expect(rolesBy({ san: `x.${NAME}`, roles: DF })).toEqual([]);
    expect(rolesBy({ fingerprint: '00'.repeat(32), roles: DF })).toEqual([]);
  });

  it('R-95: adds nothing to a certificate that names roles of ours', () => {
    const ours = new X509Certificate(readFileSync(own.certificate));
    const roles = [{ san: 'kms.home1.example', roles: ['admf'] }];
    expect(peerOfCertificate(ours, { roles }).roles).toEqual(['kms']);
  });

  it('R-95: one’s own certificate may have its role by the table', () => {
    const material = (roles: readonly RoleGrant[]) => loadTls({ ...foreign, roles }, now);
    expect(() => requireOwn(material([{ san: NAME, roles: DF }]), NAME, 'df')).not.toThrow();
    expect(() => requireOwn(material([]), NAME, 'df')).toThrow(/or a row in tls.roles/);
  });

  it('R-95: admits over HTTPS, by the table of that server alone', async () => {
    const hosts = new HostMap();
    const client = new HttpsClient({ hosts, tls: loadTls(foreign, now) });
    const answered: boolean[] = [];
    for (const roles of [[], [{ san: NAME, roles: DF }]] as const) {
      const tls = loadTls({ ...own, roles }, now);
      const server = httpsServer({ name: 'test', logger: silent, tls, authentication: 'mutual' });
      server.get('/', (request) => {
        answered.push(hasRole(peerOfRequest(request), 'df'));
        return {};
      });
      hosts.set('kms.home1.example:443', `127.0.0.1:${await listen(server, '127.0.0.1', 0)}`);
      await client.request('GET', 'https://kms.home1.example/');
      await server.close();
    }
    await client.close();
    expect(answered).toEqual([false, true]);
  });

  it('R-95: admits to a listener of X2, X3, HI2 or HI3, beside the name', async () => {
    const admits = async (roles: readonly RoleGrant[], names: readonly string[]) => {
      let admitted = false;
      const listener = new TlsListener({
        ...{ name: 'test', address: '127.0.0.1', port: 0, logger: silent },
        tls: loadTls({ ...own, roles }, now),
        admission: { roles: ['df'], names },
        admit: (socket) => {
          admitted = true;
          socket.destroy();
        },
      });
      await ended(await listener.start(), loadTls(foreign, now));
      await listener.stop();
      return admitted;
    };
    expect(await admits([{ san: NAME, roles: DF }], [NAME])).toBe(true);
    expect(await admits([{ san: NAME, roles: DF }], ['df.home1.example'])).toBe(false);
    expect(await admits([{ san: NAME, roles: ['lemf'] }], [NAME])).toBe(false);
    expect(await admits([], [NAME])).toBe(false);
  });
});

describe('the setting', () => {
  const read = (roles: unknown) =>
    configReader(TLS_FILES)({ certificate: 'a', privateKey: 'b', authorities: 'c', roles });

  it.each([
    ['a row that names nobody', [{ roles: ['df'] }], /roles\[0\] is not a row with one of subject, san/],
    ['an empty name', [{ san: '', roles: ['df'] }], /roles\[0\] is not a row with one of/],
    ['a row that names twice', [{ san: 'a', subject: 'CN=a', roles: ['df'] }], /roles\[0\] is not a row/],
    ['a role that there is not', [{ san: 'a', roles: ['king'] }], /roles\[0\].roles\[0\] is not one of admf/],
    ['a row without roles', [{ san: 'a', roles: [] }], /roles\[0\].roles/],
    ['a fingerprint cut short', [{ fingerprint: 'ab:cd', roles: ['df'] }], /roles\[0\].fingerprint is not/],
    ['a subject that is not one', [{ subject: 'df', roles: ['df'] }], /roles\[0\].subject is not a subject/],
    ['a subject with nothing in it', [{ subject: 'CN=', roles: ['df'] }], /roles\[0\].subject is not/],
  ])('%s is refused', (_, roles, message) => {
    expect(() => read(roles)).toThrow(message);
  });

  it('is read as it stands', () => {
    const roles = [{ subject: 'O=Vendor, CN=df', roles: ['df', 'lemf'] }];
    expect(read(roles).roles).toEqual(roles);
    expect(configReader(TLS_FILES)({ certificate: 'a', privateKey: 'b', authorities: 'c' }).roles).toBe(
      undefined,
    );
  });
});

/** Connects, and waits for the end of the connection. */
async function ended(port: number, tls: TlsMaterial): Promise<void> {
  const socket = connect({
    ...secureContext(tls, 'TLSv1.2'),
    ...{ host: '127.0.0.1', port, servername: 'kms.home1.example' },
  });
  socket.on('error', () => undefined);
  socket.resume();
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}
