/** Periods, serials, publication, LI roots: profile 1 and 5, RFC 5408 section 4. */
import { describe, expect, it } from 'vitest';
import { toBigInt } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { bigIntEngine } from '../../../src/ibe/bigint-engine.ts';
import { isDemoGroup, loadDemoGroup } from '../../../src/ibe/demo-groups.ts';
import { IbeError } from '../../../src/ibe/errors.ts';
import { drawMasterSecret } from '../../../src/ibe/setup.ts';
import { decodeIbeSysParams, districtParameters } from '../../../src/ibe/system-parameters.ts';
import { District } from '../../../src/entities/kms/district.ts';
import {
  decodeDistrictFile,
  masterSecretOctets,
  revealDistrict,
} from '../../../src/entities/kms/district-file.ts';
import { KmsError } from '../../../src/entities/kms/errors.ts';
import { epochOf, LiRoots } from '../../../src/entities/kms/li-roots.ts';
import type { SerialRecord } from '../../../src/entities/kms/ports.ts';
import { publish } from '../../../src/entities/kms/publication.ts';
import { SqliteKmsStore } from '../../../src/entities/kms/store/sqlite.ts';
import { vectorFile } from '../../support/shared.ts';
import { counting, exampleHome, MemoryAudit } from './support/home.ts';

const DAY = 86_400;
const vector = exampleHome();
const file = decodeDistrictFile(vector);

/** A serial of the vector's district that begins at `day` (days of the Unix epoch). */
function serial(number: number, day: number, notAfter = file.serial.notAfter): SerialRecord {
  return { ...file.serial, serial: number, notBefore: day * DAY, notAfter };
}

function district(...serials: SerialRecord[]): District {
  const made = new District({ name: vector.district, keyLifetime: DAY, demo: false });
  for (const each of serials) made.add(each);
  return made;
}

describe('serials', () => {
  it('the highest whose notBefore is not after the period start is used', () => {
    const made = district(serial(1, 100), serial(2, 200), serial(5, 300, 300 * DAY));
    expect(
      [99, 100, 199, 200, 299, 300, 301].map((day) => made.serialFor(day * DAY)?.serial ?? null),
    ).toEqual([null, 1, 1, 2, 2, 5, null]);
  });

  it('a serial is published one period ahead, and linked from the one in force', () => {
    const made = district(serial(1, 100), serial(2, 200));
    const now = (day: number) => day * DAY + 1234;
    /** Serial, and where the next one is. */
    const published = (day: number, wanted: number | null) => {
      const publication = publish(made, now(day), wanted);
      if (publication === null) return null;
      return [districtParameters(decodeIbeSysParams(publication.der)).serial, publication.successor];
    };
    expect(published(198, null)).toEqual([1, null]);
    expect(published(198, 2)).toBeNull();
    expect(published(199, null)).toEqual([1, `${vector.district}?serial=2`]);
    expect(published(199, 2)).toEqual([2, null]);
    expect(published(200, null)).toEqual([2, null]);
    expect(publish(made, now(200), 7)).toBeNull();
    expect(() => publish(made, now(98), null)).toThrow(KmsError);
  });

  it('what is published decodes to the district', () => {
    const made = district(serial(1, 100));
    const { der } = publish(made, 150 * DAY, null)!;
    expect(districtParameters(decodeIbeSysParams(der))).toEqual({
      district: vector.district,
      serial: 1,
      notBefore: 100 * DAY,
      notAfter: file.serial.notAfter,
      keyLifetime: DAY,
      bf: file.serial.bf,
    });
  });

  it('parameters change at period boundaries, forwards only', () => {
    expect(() => district({ ...serial(1, 100), notBefore: 100 * DAY + 1 })).toThrow(KmsError);
    expect(() => district(serial(1, 100), serial(2, 100))).toThrow(KmsError);
    expect(() => district(serial(2, 100), serial(1, 200))).toThrow(KmsError);
  });

  it('groups of the demo are refused anywhere else', () => {
    const { parameters, masterSecret } = drawMasterSecret(loadDemoGroup('home1'), counting());
    const record = {
      ...serial(1, 0),
      bf: parameters,
      masterSecret: masterSecretOctets(masterSecret, parameters.q),
    };
    expect(isDemoGroup(parameters)).toBe(true);
    expect(() => district(record)).toThrow(KmsError);
    const demo = new District({ name: vector.district, keyLifetime: DAY, demo: true });
    demo.add(record);
    expect(demo.serialFor(0)?.serial).toBe(1);
  });

  it('unsound parameters are refused', () => {
    const { bf } = file.serial;
    expect(() => district({ ...serial(1, 0), bf: { ...bf, Ppub: bf.P } })).toThrow(IbeError);
    expect(() => district({ ...serial(1, 0), bf: { ...bf, p: bf.p + 12n * bf.q } })).toThrow(IbeError);
  });

  it("another district's master secret is refused", () => {
    const other = decodeDistrictFile(exampleHome('responder')).serial;
    expect(() => district({ ...serial(1, 0), masterSecret: other.masterSecret })).toThrow(KmsError);
  });
});

describe('the district file', () => {
  it.each(['exchange-1.json', 'exchange-fork-gcm.json'])('reads and reveals the form of %s', (name) => {
    for (const home of Object.values(
      (vectorFile(name) as { kms: Record<string, Record<string, unknown>> }).kms,
    )) {
      const fields = [
        'district',
        'serial',
        'keyLifetime',
        'p',
        'q',
        'P',
        'Ppub',
        'masterSecret',
        'liRootKey',
      ];
      const bare = Object.fromEntries(fields.map((field) => [field, home[field]]));
      expect(revealDistrict(decodeDistrictFile(home))).toEqual(bare);
    }
  });

  it('takes the hash that goes with q where it names none', () => {
    const small = { ...vector, q: `0x8${'0'.repeat(54)}1`, masterSecret: '0x2' };
    const decoded = decodeDistrictFile(small);
    expect(decoded.serial.bf.hash).toBe('sha224');
    expect(revealDistrict(decoded)).not.toHaveProperty('hash');
    expect(decodeDistrictFile({ ...small, hash: 'sha512' }).serial.bf.hash).toBe('sha512');
  });

  it('holds the s that draws the private key', () => {
    const { bf, masterSecret } = file.serial;
    const point = bigIntEngine().extract(
      bf,
      toBigInt(masterSecret.expose()),
      Buffer.from(vector.user.identityDER, 'hex'),
    );
    expect([point.x, point.y]).toEqual(vector.user.Sid.map(BigInt));
  });

  it.each(['district', 'serial', 'p', 'q', 'P', 'Ppub', 'masterSecret'])(
    'is refused without a sound %s',
    (field) => {
      expect(() => decodeDistrictFile({ ...vector, [field]: null })).toThrow(
        new RegExp(`district file: ${field}`),
      );
    },
  );

  it('is refused with a master secret out of range', () => {
    const q = (vector as unknown as { q: string }).q;
    expect(() => decodeDistrictFile({ ...vector, masterSecret: q })).toThrow(KmsError);
    expect(() => decodeDistrictFile({ ...vector, masterSecret: '0x1' })).toThrow(KmsError);
  });
});

describe('LI roots', () => {
  const march = Date.UTC(2027, 2, 31) / 1000;

  it('an epoch is the calendar month, UTC, of the period start', () => {
    expect(epochOf(march)).toBe('2027-03');
    expect(epochOf(march + DAY - 1)).toBe('2027-03');
    expect(epochOf(march + DAY)).toBe('2027-04');
  });

  it('one root an epoch, and once destroyed never another', async () => {
    const audit = new MemoryAudit();
    const roots = new LiRoots(await SqliteKmsStore.open(':memory:'), counting(), audit);
    const first = await roots.forIssue(march);
    expect((await roots.forIssue(march))?.equals(first!)).toBe(true);
    expect((await roots.forIssue(march + DAY))?.equals(first!)).toBe(false);
    await roots.destroyBefore(march + DAY);
    expect(await roots.forIssue(march)).toBeNull();
    expect((await roots.stateOf(march)).state).toBe('destroyed');
    expect((await roots.stateOf(march + DAY)).state).toBe('kept');
    expect((await roots.stateOf(march + 60 * DAY)).state).toBe('absent');
    expect(audit.events.map(({ kind, epoch }) => [kind, epoch])).toEqual([
      ['li-root-created', '2027-03'],
      ['li-root-created', '2027-04'],
      ['li-root-destroyed', '2027-03'],
    ]);
  });

  it('two first requests at once draw one root', async () => {
    const roots = new LiRoots(await SqliteKmsStore.open(':memory:'), counting(), new MemoryAudit());
    const drawn = await Promise.all([roots.forIssue(march), roots.forIssue(march)]);
    expect(drawn[0]?.equals(drawn[1] ?? Secret.of(new Uint8Array(32)))).toBe(true);
  });
});
