/** What the ADMF's door for officers says of what may be done about a warrant, and how far the elements are with it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Asking } from './asking.ts';
import { OfficersDoor, WARRANT } from './knocking.ts';

let door: OfficersDoor;

const ask = (who: string, call: string, asking?: Asking): Promise<Answer> => door.ask(who, call, asking);
const enter = (liid: string, who?: string): Promise<number> => door.enter(liid, who);
const { endTime } = WARRANT;

beforeAll(async () => {
  door = await OfficersDoor.open();
}, 60_000);

afterAll(() => door.close());

describe('R-93: the file of a warrant', { timeout: 30_000 }, () => {
  it('says what each may do about a warrant, and why not: as the door itself would', async () => {
    const generation = await enter('ACTS', 'both');
    const actsOf = async (who: string) => {
      const { json } = await ask(who, 'GET /v1/warrants/ACTS');
      return json['acts'] as { act: string; may: boolean; code?: string; why?: string }[];
    };
    const bodies: Readonly<Record<string, object>> = {
      amend: { changes: { endTime: new Date(Date.parse(endTime) - 60_000).toISOString() } },
      extend: { endTime: new Date(Date.parse(endTime) + 60_000).toISOString() },
    };
    for (const who of ['anna', 'ben', 'both', 'cleo'])
      for (const { act, may, code, why } of await actsOf(who)) {
        // What may be done is not: it would change what the next is asked about.
        expect([who, act, why === undefined]).toEqual([who, act, may]);
        if (may) continue;
        const refused = await ask(who, `POST /v1/warrants/ACTS/${act}`, {
          body: { generation, reason: 'tried', ...bodies[act] },
        });
        expect([who, act, refused.json['code']]).toEqual([who, act, code]);
      }
    const may = async (who: string) => (await actsOf(who)).filter((act) => act.may).map(({ act }) => act);
    expect(await may('anna')).toEqual(['amend', 'withdraw']);
    expect(await may('ben')).toEqual(['approve', 'reject']);
    expect(await may('both')).toEqual(['reject', 'amend', 'withdraw']);
    expect(await may('cleo')).toEqual([]);
    expect((await actsOf('both')).find(({ act }) => act === 'approve')).toMatchObject({
      code: 'own-act',
      why: 'both has entered or changed it: another officer must approve it',
    });
    expect((await ask('both', 'GET /v1/self')).json).toMatchObject({
      name: 'both',
      roles: ['officer', 'approver'],
      approval: 'two',
    });
  });

  it('says how far each element is with a warrant', async () => {
    const generation = await enter('FAR');
    const elementsOf = async () => (await ask('cleo', 'GET /v1/warrants/FAR')).json['elements'];
    const all = (task: string) =>
      ['kms', 'df', 'gateway', 'cscf'].map((kind) => ({
        ...{ element: `${kind}.home1.example`, kind, task },
        delivers: true,
      }));
    expect(await elementsOf()).toEqual(all('none'));
    await ask('ben', 'POST /v1/warrants/FAR/approve', { body: { generation } });
    await expect.poll(elementsOf).toEqual(all('settled'));
    const { json } = await ask('dora', 'GET /v1/elements');
    expect(json['elements']).toContainEqual(
      expect.objectContaining({
        kind: 'df',
        answers: true,
        tasks: expect.toSatisfy((n: number) => n >= 1) as number,
      }),
    );
  });
});
