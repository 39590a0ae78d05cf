/** What every store of what agencies bring over HI1 must do, whatever it is made of. */
import { expect, it } from 'vitest';
import type {
  AgencyExchange,
  Hi1Store,
  StoredObject,
  TaskDue,
} from '../../../../src/entities/admf/hi1/ports.ts';
import type { Hi1ObjectKind } from '../../../../src/wire/hi1/objects.ts';
import type { Hi1Status } from '../../../../src/wire/hi1/dictionaries.ts';
import { storeSuite } from '../../../support/store-suite.ts';
import type { StoreBackend } from '../../../support/store-suite.ts';
import { record } from './compliance.ts';

const idOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const numberOf = ({ object }: StoredObject): number => Number(object.identifier.slice(-12));

interface Parts {
  readonly agency?: string;
  readonly about?: readonly number[];
  readonly status?: Hi1Status | null;
  readonly changed?: number;
  readonly task?: { readonly authorisation: number; readonly liid: string; readonly due: TaskDue };
}

function object(kind: Hi1ObjectKind, number: number, parts: Parts = {}): StoredObject {
  const { agency = 'police', about = [], status = null, changed = 1.5, task } = parts;
  const members = about.length === 0 ? {} : { AssociatedObjects: about.map(idOf) };
  return {
    ...{ agency, generation: 1, lastChanged: changed, status, reason: null },
    object: { kind, identifier: idOf(number), members, unknown: [] },
    task:
      task === undefined
        ? null
        : {
            authorisation: idOf(task.authorisation),
            due: task.due,
            wish: { warrant: { ...record.warrant, liid: task.liid }, desired: 'Active', emergency: false },
          },
  };
}

const authorisation = (number: number, parts: Parts = {}) => object('AuthorisationObject', number, parts);
const document = (number: number, parts: Parts = {}) => object('DocumentObject', number, parts);
const notice = (number: number, about: readonly number[]) => object('NotificationObject', number, { about });
const taskOf = (number: number, of: number, due: TaskDue, parts: Parts = {}) =>
  object('LITaskObject', number, { ...parts, task: { authorisation: of, liid: `L${number}`, due } });

function exchange(number: number, parts: Partial<AgencyExchange> = {}): AgencyExchange {
  const answer = new Uint8Array(5).fill(number);
  const base = { agency: 'police', transaction: idOf(number), digest: `d${number}`, at: number };
  return { ...base, answer, objects: [], ...parts };
}

export function hi1StoreSuite(backend: StoreBackend<Hi1Store>): void {
  storeSuite('HI1', backend, (current) => {
    const numbers = async (found: Promise<StoredObject[]>): Promise<number[]> =>
      (await found).map(numberOf).sort((a, b) => a - b);

    it('R-91: gives back objects in the order in which they came, and what became of them, after it was opened again', async () => {
      const first = taskOf(9, 1, 'all', { about: [1], status: 'AwaitingApproval' });
      await current.store.save([first, authorisation(1, { status: 'Approved' })], null);
      await current.store.save([document(4, { about: [9] })], null);
      const invalid: StoredObject = {
        ...first,
        ...{ generation: 2, lastChanged: 7, status: 'Invalid' },
        reason: { ErrorCode: 3003, ErrorDescription: 'why' },
      };
      await current.store.save([invalid], null);
      await current.reopen();
      expect(await current.store.find('police', idOf(9))).toEqual(invalid);
      expect(await current.store.find('customs', idOf(9))).toBeNull();
      const all = { kind: null, since: null, most: 9 };
      expect((await current.store.list('police', all)).map(numberOf)).toEqual([9, 1, 4]);
      expect((await current.store.list('police', { ...all, since: 7 })).map(numberOf)).toEqual([9]);
      expect((await current.store.list('police', { ...all, most: 2 })).map(numberOf)).toEqual([9, 1]);
      expect(await numbers(current.store.list('police', { ...all, kind: 'DocumentObject' }))).toEqual([4]);
    });

    it('R-91: finds tasks by authorisation and LIID, and those that something is due about', async () => {
      const tasks = [
        taskOf(1, 50, 'all', { status: 'AwaitingApproval' }),
        taskOf(2, 50, 'nothing', { status: 'Active' }),
        taskOf(3, 51, 'status', { status: 'Cancelled' }),
        taskOf(4, 51, 'nothing', { status: 'Cancelled' }),
      ];
      await current.store.save([...tasks, authorisation(50, { status: 'Approved' })], null);
      await current.store.save([authorisation(52, { status: 'Approved' })], null);
      await current.store.save([authorisation(53, { status: 'Cancelled' })], null);
      expect(await numbers(current.store.tasksOf('police', idOf(50)))).toEqual([1, 2]);
      expect(await numbers(current.store.tasksOf('customs', idOf(50)))).toEqual([]);
      expect(await numbers(current.store.tasksWith('L3'))).toEqual([3]);
      expect(await numbers(current.store.openTasks())).toEqual([1, 2, 3]);
      expect(await numbers(current.store.closedTasks())).toEqual([4]);
      expect(await numbers(current.store.authorisationsAlone())).toEqual([52]);
      expect(await current.store.count('police')).toBe(7);
    });

    it('R-91: knows what is associated, from either side', async () => {
      await current.store.save([document(1), document(2, { about: [1] }), notice(3, [1])], null);
      await current.store.save([document(4, { about: [2] })], null);
      expect(await numbers(current.store.associated('police', idOf(2)))).toEqual([1, 4]);
      expect(await numbers(current.store.associated('police', idOf(1)))).toEqual([2]);
      await current.store.save([document(2)], null);
      expect(await numbers(current.store.associated('police', idOf(1)))).toEqual([]);
      expect(await current.store.count('police')).toBe(3);
    });

    it('R-90: gives what is left over, and nothing that is there for something else', async () => {
      const ended = { status: 'Cancelled', changed: 5 } as const;
      await current.store.save(
        [
          taskOf(1, 50, 'nothing', ended),
          taskOf(2, 51, 'all', ended),
          authorisation(50, ended),
          authorisation(52, ended),
          document(60, { changed: 5 }),
          document(61, { changed: 5, about: [1] }),
          document(62, { changed: 9 }),
        ],
        null,
      );
      expect(await numbers(current.store.leftOver(5))).toEqual([1, 52, 60]);
    });

    it('R-90: erases objects, notifications of them and answers that tell of any; that they were answered stays', async () => {
      await current.store.save([document(1), document(2)], exchange(1, { objects: [idOf(1), idOf(2)] }));
      await current.store.save([notice(3, [1])], exchange(2, { objects: [idOf(3)] }));
      await current.store.save([], exchange(3, { objects: [idOf(2)] }));
      await current.store.erase('police', [idOf(1)]);
      await current.reopen();
      const left = await current.store.list('police', { kind: null, since: null, most: 9 });
      expect(left.map(numberOf)).toEqual([2]);
      const answers = [1, 2, 3].map((number) => current.store.exchange('police', idOf(number)));
      expect((await Promise.all(answers)).map((found) => found?.answer ?? null)).toEqual([
        null,
        null,
        new Uint8Array(5).fill(3),
      ]);
      expect((await current.store.exchange('police', idOf(1)))?.digest).toBe('d1');
      expect(await current.store.exchangesKept('police')).toEqual({ count: 3, octets: 5 });
    });

    it('R-91: keeps an exchange once, with what it has changed, or nothing of it', async () => {
      await current.store.save([document(1)], exchange(1, { objects: [idOf(1), idOf(1)] }));
      const again = current.store.save([document(2)], exchange(1, { digest: 'other' }));
      await expect(again).rejects.toThrow();
      expect(await current.store.find('police', idOf(2))).toBeNull();
      await current.store.save([], exchange(1, { agency: 'customs' }));
      const { objects: _, ...kept } = exchange(1);
      expect(await current.store.exchange('police', idOf(1))).toEqual(kept);
      expect(await current.store.exchange('police', idOf(9))).toBeNull();
    });

    it('R-91: counts exchanges, and forgets those of before', async () => {
      for (const number of [1, 2, 3]) await current.store.save([], exchange(number, { objects: [idOf(7)] }));
      await current.store.save([], exchange(4, { agency: 'customs' }));
      expect(await current.store.exchangesKept('police')).toEqual({ count: 3, octets: 15 });
      expect(await current.store.exchangesKept('nobody')).toEqual({ count: 0, octets: 0 });
      await current.store.forgetExchanges(3);
      await current.reopen();
      expect(await current.store.exchangesKept(null)).toEqual({ count: 2, octets: 10 });
      expect(await current.store.exchange('police', idOf(2))).toBeNull();
    });
  });
}
