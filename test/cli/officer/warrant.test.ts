/** `claviger warrant` against an ADMF and a home's elements over real sockets: scripts as people would write them. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { reportFailure } from '../../../src/cli/failure.ts';
import { createProgram } from '../../../src/cli/program.ts';
import { OfficersHome } from '../../entities/admf/http/door.ts';

let home: OfficersHome;
const files: Record<string, string> = {};

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A command line, as `main.ts` carries it out. */
async function claviger(line: string): Promise<Run> {
  const args = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  let out = '';
  let err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true));
  let code = 0;
  try {
    await (await createProgram(args)).parseAsync(['node', 'claviger', ...args]);
  } catch (error) {
    code = reportFailure(error, process.stderr);
  }
  vi.restoreAllMocks();
  return { code, out, err };
}

const as = (name: string, line: string): Promise<Run> => claviger(`${line} --config ${files[name] ?? ''}`);
const ADD = '--target sip:alice@home1.example --delivery IRI+CC --until 2h --lemf 127.0.0.1:8002,8003';

beforeAll(async () => {
  home = await OfficersHome.start();
  for (const name of ['anna', 'ben', 'cleo', 'dora']) files[name] = (await home.officer(name)).file;
}, 60_000);

afterEach(() => vi.unstubAllEnvs());
afterAll(() => home.stop());

describe('R-93: claviger warrant', { timeout: 60_000 }, () => {
  it('add, approve and withdraw: from nothing to active, and to the end', async () => {
    expect(await as('anna', `warrant add --liid LIID-1 ${ADD}`)).toEqual({
      code: 0,
      out: 'LIID-1: submitted (generation 1); waits for: approval (claviger warrant approve LIID-1)\n',
      err: '',
    });
    const approved = await as('ben', 'warrant approve LIID-1 --wait');
    expect(approved).toMatchObject({ code: 0, out: expect.stringMatching(/^LIID-1: active \(/) as string });
    expect(approved.err).toMatch(
      /LIID-1: submitted \(generation 1\)\n {2}targets {5}sip:alice@home1.example\n/,
    );
    expect(approved.err).toMatch(/\nLIID-1: active\n$/);
    const withdrawn = await as('anna', "warrant withdraw LIID-1 --reason 'order 12' --wait");
    expect(withdrawn).toMatchObject({ code: 0, out: expect.stringMatching(/^LIID-1: ended \(/) as string });
    const { out } = await as('cleo', 'warrant show LIID-1');
    expect(out).toMatch(/entered by anna .*approved by ben .*withdrawn by anna \(ending\): order 12/s);
  });

  it('CLAVIGER_OFFICER says as whom, where --config does not', async () => {
    expect(await claviger('warrant list')).toMatchObject({
      code: 2,
      err: expect.stringContaining('Give --config FILE, or set CLAVIGER_OFFICER=FILE') as string,
    });
    vi.stubEnv('CLAVIGER_OFFICER', files['cleo'] ?? '');
    const { code, out } = await claviger('warrant list');
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^LIID +STATE +DELIVERY +UNTIL .*\nLIID-1 +ended /),
    ]);
  });

  it('a warrant from a file, and a draft that is submitted and rejected', async () => {
    const file = path.join(home.folder, 'warrant.yaml');
    const lemf = 'lemf: { hi2: { host: 127.0.0.1, port: 8002 } }';
    writeFileSync(
      file,
      `liid: LIID-2\ntargets: [{ name: impu, value: 'sip:bob@home1.example' }]\ndelivery: IRI\nendTime: '2099-01-01T00:00:00Z'\n${lemf}\n`,
    );
    expect(await as('anna', `warrant add ${file} --draft`)).toMatchObject({
      code: 0,
      out: 'LIID-2: draft (generation 1)\n',
    });
    expect(await as('anna', 'warrant submit LIID-2')).toMatchObject({ code: 0 });
    expect(await as('ben', 'warrant reject LIID-2')).toMatchObject({ code: 2 });
    expect(await as('ben', "warrant reject LIID-2 --reason 'not signed'")).toMatchObject({
      code: 0,
      out: expect.stringContaining('LIID-2: rejected') as string,
    });
    expect(await as('anna', `warrant add ${file} --until 2h`)).toMatchObject({ code: 2 });
  });

  it('amend, suspend, resume and extend', async () => {
    await as('anna', `warrant add --liid LIID-3 ${ADD}`);
    await as('ben', 'warrant approve LIID-3 --wait');
    expect(await as('anna', "warrant amend LIID-3 --delivery IRI --reason 'less' --wait")).toMatchObject({
      code: 0,
    });
    const suspended = await as('anna', "warrant suspend LIID-3 --reason 'holiday' --wait");
    expect(suspended).toMatchObject({ code: 0, out: expect.stringContaining('LIID-3: suspended') as string });
    const resumed = await as('anna', "warrant resume LIID-3 --reason 'back'");
    expect(resumed.out).toContain('waits for: resume by anna (claviger warrant approve LIID-3)');
    expect(await as('ben', 'warrant approve LIID-3 --wait')).toMatchObject({ code: 0 });
    const extended = await as('anna', "warrant extend LIID-3 --until 3h --reason 'more'");
    expect(extended.out).toContain('waits for: amend by anna');
    const { out } = await as('ben', 'warrant list --pending --json');
    expect(JSON.parse(out)).toMatchObject([{ liid: 'LIID-3', pending: { kind: 'amend', reason: 'more' } }]);
    const { generation } = (JSON.parse(out) as { generation: number }[])[0]!;
    expect(await as('ben', `warrant approve LIID-3 --generation ${generation - 1}`)).toMatchObject({
      code: 1,
      err: expect.stringContaining('look again (claviger warrant show LIID)') as string,
    });
    expect(await as('ben', `warrant approve LIID-3 --generation ${generation} --json`)).toMatchObject({
      code: 0,
      err: '',
    });
    const shown = (await as('cleo', 'warrant show LIID-3')).out;
    expect(shown).toMatch(/amended by anna \(active\): less \[amend: delivery IRI\]\n/);
    expect(shown).toMatch(/change-proposed by anna \(suspended\): back \[resume\]\n/);
    expect(shown).toMatch(/change-approved by ben \(\w+\) \[amend: endTime 20\d\d-\S+Z\]\n/);
    expect(shown).not.toMatch(/[{}]/);
  });

  it.each([
    [
      'an approver who entered it',
      'anna',
      'warrant approve LIID-3',
      1,
      /roles officer; this takes approver\n {2}hint: Name the configuration/,
    ],
    ['an operator who asks for targets', 'dora', 'warrant list', 1, /dora has the roles operator/],
    [
      'a warrant that is not',
      'cleo',
      'warrant show LIID-9',
      1,
      /there is no warrant LIID-9\n {2}hint: claviger warrant list/,
    ],
    [
      'options that lack something',
      'anna',
      'warrant add --liid X --until 2h',
      2,
      /needs --target, --delivery, --lemf as well/,
    ],
    [
      'an identity that is none',
      'anna',
      `warrant add --liid X ${ADD} --target bob`,
      2,
      /bob does not say whose identity it is\n {2}hint: Give a SIP/,
    ],
    [
      'a time that is none',
      'anna',
      `warrant add --liid X ${ADD} --from tomorrow`,
      2,
      /--from tomorrow is not a time\n {2}hint: Give a time with zone/,
    ],
    [
      'a delivery that is none',
      'anna',
      `warrant add --liid X ${ADD} --delivery CC`,
      1,
      /warrant.delivery is not one of IRI, IRI\+CC/,
    ],
    [
      'a LIID that is none',
      'anna',
      `warrant add --liid 'a b' ${ADD}`,
      1,
      /warrant.liid is not 1 to 25 printable characters/,
    ],
    [
      'an end before the start',
      'anna',
      `warrant add --liid X ${ADD} --until 2020-01-01T00:00:00Z`,
      1,
      /cannot be carried out/,
    ],
    ['a LIID that is taken', 'anna', `warrant add --liid LIID-3 ${ADD}`, 1, /there is a warrant LIID-3/],
    ['a change without a reason', 'anna', 'warrant withdraw LIID-3', 2, /'--reason <text>' not specified/],
    [
      'a change that is none',
      'anna',
      'warrant amend LIID-3 --reason x',
      2,
      /nothing is said that should change/,
    ],
    [
      'a generation that is none',
      'ben',
      'warrant approve LIID-3 --generation x',
      2,
      /--generation x is not a whole number/,
    ],
    ['a state that is none', 'cleo', 'warrant list --state actve', 1, /state is not one of draft, submitted/],
    ['a file that is not there', 'anna', 'warrant add no-such.json', 1, /cannot read no-such.json/],
    [
      'a timeout that is none',
      'anna',
      `warrant add --liid X ${ADD} --wait --timeout soon`,
      2,
      /--timeout soon is not a duration/,
    ],
    ['nothing that waits', 'ben', 'warrant approve LIID-1', 1, /hint: claviger warrant list --pending/],
  ] as const)('%s', async (_, who, line, code, err) => {
    const run = await as(who, line);
    expect(run).toMatchObject({ code, out: '', err: expect.stringMatching(err) as string });
  });

  it('none of which has changed anything', async () => {
    const { out } = await as('cleo', 'warrant list --json');
    expect((JSON.parse(out) as { liid: string }[]).map(({ liid }) => liid)).toEqual([
      'LIID-1',
      'LIID-2',
      'LIID-3',
    ]);
  });

  it('what cannot be waited for ends the wait, with what to do', async () => {
    await as('anna', `warrant add --liid LIID-4 ${ADD}`);
    const late = await as('anna', "warrant amend LIID-4 --delivery IRI --reason 'x' --wait --timeout 1s");
    expect(late).toMatchObject({ code: 1, out: '' });
    expect(late.err).toMatch(
      /LIID-4: submitted; waits for: approval\n.*is not active in time.*\n {2}hint: claviger warrant show/s,
    );
    const ended = await as('anna', 'warrant submit LIID-1 --wait');
    expect(ended.code).toBe(1);
  });

  it('a wait ends when it cannot come to that any more', async () => {
    const waiting = as('anna', `warrant add --liid LIID-5 ${ADD} --wait`);
    const { desk } = home.admf;
    await expect.poll(() => desk.find('LIID-5'), { timeout: 30_000 }).not.toBeNull();
    await desk.reject('LIID-5', { by: 'ben', reason: 'no' });
    const { code, err } = await waiting;
    expect([code, err]).toEqual([
      1,
      expect.stringContaining('warrant LIID-5 is rejected, and will not be active: no\n'),
    ]);
  });

  it('a wait says which element has refused a warrant, or a change of it, and why', async () => {
    // No CSCF can find an IMSI in SIP, and no KMS knows one.
    const imsi = '--target imsi=262011234567890';
    const { desk } = home.admf;
    const adding = as('anna', `warrant add --liid LIID-6 ${ADD} ${imsi} --wait`);
    await expect.poll(() => desk.find('LIID-6')?.state, { timeout: 30_000 }).toBe('submitted');
    await desk.approve('LIID-6', { by: 'ben' });
    const why = String.raw`: (?:cscf|kms)\.home1\.example: .+\n`;
    expect(await adding).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(`LIID-6 is failed, and will not be active${why}`) as string,
    });
    await as('anna', `warrant add --liid LIID-7 ${ADD}`);
    expect((await as('ben', 'warrant approve LIID-7 --wait')).code).toBe(0);
    const targets = `--target sip:alice@home1.example ${imsi}`;
    await as('anna', `warrant amend LIID-7 ${targets} --reason x`);
    expect(await as('ben', 'warrant approve LIID-7 --wait')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(`LIID-7 was not changed${why}`) as string,
    });
  });

  it('import: what is on record otherwise, or has gone from the file, is told of and left as it is', async () => {
    const file = path.join(home.folder, 'warrants.json');
    const lemf = { hi2: { host: '127.0.0.1', port: 8002 } };
    const warrantOf = (liid: string, value = 'sip:dan@home1.example') => ({
      ...{
        liid,
        targets: [{ name: 'sipUri', value }],
        delivery: 'IRI',
        endTime: '2099-01-01T00:00:00Z',
        lemf,
      },
    });
    const write = (...warrants: object[]) => writeFileSync(file, JSON.stringify({ warrants }));
    write(warrantOf('I-1'), warrantOf('I-2'));
    expect(await as('anna', `warrant import ${file}`)).toEqual({
      code: 0,
      out: '2 entered, 0 as on record\n',
      err: '',
    });
    write(warrantOf('I-1', 'sip:eve@home1.example'), warrantOf('I-3'));
    const second = await as('anna', `warrant import ${file}`);
    expect(second).toMatchObject({
      code: 1,
      out: '1 entered, 0 as on record\non record otherwise: I-1\non record and not in the file: I-2\n',
    });
    expect(second.err).toMatch(/are not the same\n {2}hint: Nothing was changed of these/);
    expect((await as('cleo', 'warrant list --target sip:dan@home1.example')).out).toMatch(
      /I-1.*\nI-2.*\nI-3/,
    );
    write(warrantOf('I-4'), { ...warrantOf('I-5'), delivery: 'all', lemf: {} });
    expect((await as('anna', `warrant import ${file}`)).err).toMatch(
      /warrants\[1\]\.delivery is not.*warrants\[1\]\.lemf\.hi2 is missing/s,
    );
    write(warrantOf('I-4'), warrantOf('I-4'));
    expect((await as('anna', `warrant import ${file}`)).err).toMatch(/has I-4 twice/);
    writeFileSync(file, '{}');
    expect((await as('anna', `warrant import ${file}`)).err).toMatch(/holds no list of warrants/);
    expect(await as('cleo', 'warrant show I-4')).toMatchObject({ code: 1 });
  });

  it('an ADMF that is away, a configuration that is wrong', async () => {
    const { tls, hosts, url } = await home.officer('anna');
    const away = path.join(home.folder, 'away.json');
    writeFileSync(away, JSON.stringify({ url, tls, hosts: { 'admf.home1.example': '127.0.0.1:9' } }));
    expect(await claviger(`warrant list --config ${away}`)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/the ADMF did not answer.*\n {2}hint: Is the ADMF up/) as string,
    });
    writeFileSync(away, JSON.stringify({ url: 'http://admf.home1.example/x', tls, host: hosts }));
    expect(await claviger(`warrant list --config ${away}`)).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /host: no such setting; did you mean hosts\?.*url is not an https URL without a path/s,
      ) as string,
    });
  });
});
