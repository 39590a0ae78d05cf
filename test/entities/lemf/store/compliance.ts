/** What every store of a LEMF must do, whatever it is made of. */
import { expect, it } from 'vitest';
import type { HandoverKind, LemfStore } from '../../../../src/entities/lemf/ports.ts';
import { LI_PS_DOMAIN } from '../../../../src/wire/hi/header.ts';
import { encodePsPdu } from '../../../../src/wire/hi/ps-pdu.ts';
import { storeSuite } from '../../../support/store-suite.ts';
import type { StoreBackend } from '../../../support/store-suite.ts';

const DF1 = 'df.home1.example';
const DF2 = 'df.home2.example';

/** A whole PS-PDU, each number another one. */
export function numbered(sequenceNumber: number): Uint8Array {
  const header = { domainId: LI_PS_DOMAIN, liid: 'LIID-1', operatorIdentifier: 'home1', sequenceNumber };
  return encodePsPdu({ header, payload: { kind: 'tri', message: { type: 'keepAlive' } } });
}

export function lemfStoreSuite(backend: StoreBackend<LemfStore>): void {
  storeSuite('LEMF', backend, (current) => {
    const stored = (kind: HandoverKind) => [...current.store.read(kind)];
    const add = (kind: HandoverKind, pdus: readonly (readonly [number, string])[]): void => {
      for (const [number, source] of pdus) current.store.append(kind, numbered(number), source);
    };
    const expected = (pdus: readonly (readonly [number, string])[]) => {
      let next = 0;
      return pdus.map(([number, source]) => {
        const [octets, at] = [numbered(number), next];
        next += octets.length;
        return { octets, at, source };
      });
    };

    it('holds nothing at first', async () => {
      expect([stored('hi2'), stored('hi3')]).toEqual([[], []]);
      await current.reopen();
      expect([stored('hi2'), stored('hi3')]).toEqual([[], []]);
    });

    it('gives back what came, each kind apart, in order, with who sent it, before and after it was opened again', async () => {
      const iri = [
        [0, DF1],
        [1, DF1],
        [0, DF2],
        [2, DF1],
      ] as const;
      const content = [
        [7, DF2],
        [8, DF1],
      ] as const;
      add('hi2', iri.slice(0, 2));
      add('hi3', content);
      add('hi2', iri.slice(2));
      for (let times = 0; times < 2; times++) {
        expect(stored('hi2')).toEqual(expected(iri));
        expect(stored('hi3')).toEqual(expected(content));
        await current.reopen();
      }
    });

    it('goes on behind what it held when it was opened, also from another sender', async () => {
      add('hi2', [[0, DF1]]);
      await current.reopen();
      add('hi2', [
        [1, DF2],
        [2, DF1],
      ]);
      await current.reopen();
      add('hi2', [[3, DF1]]);
      expect(stored('hi2')).toEqual(
        expected([
          [0, DF1],
          [1, DF2],
          [2, DF1],
          [3, DF1],
        ]),
      );
    });

    it('gives what there is from a place on, and says how far it reaches', () => {
      const pdus = [
        [0, DF1],
        [1, DF1],
        [2, DF2],
      ] as const;
      add('hi3', pdus);
      const { at } = expected(pdus)[1]!;
      expect([...current.store.read('hi3', at)]).toEqual(expected(pdus).slice(1));
      const length = pdus.reduce((sum, [number]) => sum + numbered(number).length, 0);
      expect(current.store.lengths).toEqual({ hi2: 0, hi3: length });
      expect([...current.store.read('hi3', length)]).toEqual([]);
    });

    it('keeps a copy that it is given: what is one is not for the store to say', () => {
      add('hi3', [
        [0, DF1],
        [0, DF1],
      ]);
      expect(stored('hi3')).toHaveLength(2);
    });

    it('keeps what it was given, whatever becomes of the octets of the giver', () => {
      const octets = numbered(5);
      current.store.append('hi2', octets, DF1);
      octets.fill(0);
      expect(stored('hi2')).toEqual(expected([[5, DF1]]));
    });

    it('says when all is on the disk: with nothing to write, with something, and twice at once', async () => {
      await current.store.sync();
      add('hi2', [[0, DF1]]);
      const first = current.store.sync();
      add('hi3', [[1, DF1]]);
      await Promise.all([first, current.store.sync()]);
      await current.reopen();
      expect([stored('hi2'), stored('hi3')]).toEqual([expected([[0, DF1]]), expected([[1, DF1]])]);
    });
  });
}
