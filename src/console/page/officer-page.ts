/**
 * What happens on the page: what the reader does, what the server tells, and what is asked for because of it.
 *
 *     address, click, form ─► a question ─► the state ─► drawn anew
 *     event of the server  ─► what has changed is asked for, several changes at once
 */
import type {
  ActName,
  AlarmsJson,
  DifferenceJson,
  ElementJson,
  SelfJson,
  SystemJson,
  WarrantFileJson,
  WarrantJson,
  WarrantPageJson,
} from './answers.ts';
import { getJson, postJson } from './ask.ts';
import { AskRefusal, refusalText } from './ask-refusal.ts';
import { askBridge, isBridged, orderCall } from './beside.ts';
import { plainText } from './format.ts';
import { listenLive, eventMember } from './live.ts';
import { BEGINNING, maySee, placeOfHash, readsWarrants, warrantAddress } from './state.ts';
import type { ListWishes, PageState } from './state.ts';
import { CONSOLE_TEXTS } from './texts.ts';
import { ViewWatch } from './view-watch.ts';
import { askWatched } from './watched.ts';

/** Warrants of one page of the list: as many as the interface gives. */
const PAGE = 1000;
/** Changed warrants beyond which the list is asked for, and not each of them. */
const MOST_SINGLE = 8;
/** Milliseconds for which changes are gathered. */
const GATHER_MS = 250;

export class OfficerPage {
  state: PageState = BEGINNING;
  readonly #draw: (state: PageState) => void;
  /** LIIDs that have changed, and whether more has. */
  readonly #changed = new Set<string>();
  #isAllChanged = false;
  #gathering = false;
  /** Whether what was told last is about the place that is gone to. */
  #isNoticeOfNext = false;
  readonly #watching = new ViewWatch({
    loaded: (work) => this.#loaded(work),
    tell: (change) => this.set(change),
    askWatched: () => askWatched(this.state.beside),
  });

  /** @param draw what is shown for a state */
  constructor(draw: (state: PageState) => void) {
    this.#draw = draw;
  }

  /** @param asked whom the server takes the reader for */
  async start(asked: Promise<SelfJson>): Promise<void> {
    window.addEventListener('hashchange', () => this.#moved());
    setInterval(() => this.set({}), 1_000);
    this.set({ place: placeOfHash(location.hash) });
    await this.#loaded(async () => {
      const [self, beside] = await Promise.all([asked, isBridged() ? askBridge() : null]);
      // An operator's first view is of what an operator may read.
      const isLost = !readsWarrants(self) && ['warrants', 'warrant'].includes(this.state.place.view);
      this.set({ self, beside, ...(isLost ? { place: { view: 'elements' } } : {}) });
    });
    listenLive({
      state: (live) => this.set({ live }),
      time: (unixMs) => this.set({ ahead: unixMs - Date.now() }),
      on: {
        system: (data) => {
          if (!isSystem(data)) return;
          const isOther = this.state.system?.revision !== data.revision;
          this.set({ system: data });
          if (isOther) this.#lookAtSystem();
        },
        warrant: (data) => this.#hasChanged(String(eventMember(data, 'liid'))),
      },
      resync: () => this.#hasChanged(null),
    });
    this.#moved();
  }

  set(change: Partial<PageState>): void {
    this.state = { ...this.state, ...change };
    this.#draw(this.state);
  }

  /** Of the ADMF, Unix milliseconds. */
  now(): number {
    return Date.now() + this.state.ahead;
  }

  wish(wishes: Partial<ListWishes>): void {
    this.set({ wishes: { ...this.state.wishes, rows: BEGINNING.wishes.rows, ...wishes } });
  }

  begin(act: ActName | null): void {
    this.set({ act, seen: this.state.file?.warrant.generation ?? 0, refusal: null, targetRows: 0 });
  }

  /** Does something about the warrant that is looked at, as it was seen. */
  async act(act: ActName, body: object): Promise<void> {
    const { file, seen } = this.state;
    if (file === null) return;
    const { liid } = file.warrant;
    await this.#send(async () => {
      try {
        await postJson<WarrantJson>(`${pathOf(liid)}/${act}`, { generation: seen, ...body });
      } catch (error) {
        // It was changed after the reader began: what is there now is shown, and decided on anew.
        if (error instanceof AskRefusal && error.code === 'stale') {
          await this.#loadFile(liid);
          this.begin(act);
        }
        throw error;
      }
      this.set({ act: null, notice: CONSOLE_TEXTS.form.done(plainText(liid), CONSOLE_TEXTS.acts[act].done) });
      await this.#loadFile(liid);
    });
  }

  /** Enters a warrant, and goes there. */
  async enter(body: object): Promise<void> {
    await this.#send(async () => {
      const { liid, state } = await postJson<WarrantJson>('warrants', body);
      this.set({ notice: CONSOLE_TEXTS.form.done(plainText(liid), CONSOLE_TEXTS.states[state]) });
      this.#isNoticeOfNext = true;
      location.hash = warrantAddress(liid);
    });
  }

  /** Has one phone of the laboratory call another. */
  async callAgain(caller: string, callee: string): Promise<void> {
    await this.#send(async () => this.set({ laboratory: await orderCall(caller, callee) }));
  }

  async askElements(): Promise<void> {
    await this.#loaded(async () => {
      const { elements } = await getJson<{ elements: ElementJson[] }>('elements');
      this.set({ elements });
    });
  }

  async compare(): Promise<void> {
    this.set({ differences: 'asking' });
    await this.#loaded(async () => {
      const { differences } = await getJson<{ differences: DifferenceJson[] }>('elements/differences');
      this.set({ differences });
    });
    if (this.state.differences === 'asking') this.set({ differences: null });
  }

  /** Asks for what the place shows. */
  #moved(): void {
    const place = placeOfHash(location.hash);
    const { self } = this.state;
    const isForeign = self !== null && !readsWarrants(self) && location.hash.replace(/^#\/?/, '') === '';
    this.set({
      ...{ place: isForeign ? { view: 'elements' } : place, act: null, refusal: null },
      ...{ file: null, differences: null, targetRows: 0 },
      ...(this.#isNoticeOfNext ? {} : { notice: '' }),
    });
    this.#isNoticeOfNext = false;
    const { view } = this.state.place;
    this.#watching.look(maySee(view, this.state) ? view : 'unknown');
    if (self === null) return;
    this.#hasChanged(null);
    if (this.state.place.view === 'elements') void this.askElements();
    this.#lookAtSystem();
  }

  #lookAtSystem(): void {
    if (this.state.place.view === 'alarms')
      void this.#loaded(async () => this.set({ alarms: await getJson<AlarmsJson>('alarms') }));
  }

  /** @param liid `null`: perhaps any */
  #hasChanged(liid: string | null): void {
    if (liid === null) this.#isAllChanged = true;
    else this.#changed.add(liid);
    if (this.#gathering) return;
    this.#gathering = true;
    setTimeout(() => {
      void this.#loaded(() => this.#askForChanged()).finally(() => {
        this.#gathering = false;
        if (this.#isAllChanged || this.#changed.size > 0) this.#hasChanged([...this.#changed][0] ?? null);
      });
    }, GATHER_MS);
  }

  /** What has changed is asked for as far as it is shown. */
  async #askForChanged(): Promise<void> {
    const changed = [...this.#changed];
    const isAll = this.#isAllChanged;
    this.#changed.clear();
    this.#isAllChanged = false;
    const { self, place, warrants } = this.state;
    if (!readsWarrants(self)) return;
    if (place.view === 'warrant') {
      if (isAll || changed.includes(place.liid)) await this.#loadFile(place.liid);
      // The list is asked for as a whole when it is shown again.
      this.set({ warrants: null });
    }
    if (place.view !== 'warrants') return;
    if (isAll || warrants === null || changed.length > MOST_SINGLE) {
      this.set({ warrants: await allWarrants() });
      return;
    }
    const read = changed.map((liid) => getJson<WarrantJson>(`${pathOf(liid)}/state`));
    const found = new Map(this.state.warrants);
    for (const warrant of await Promise.all(read)) found.set(warrant.liid, warrant);
    this.set({ warrants: found });
  }

  async #loadFile(liid: string): Promise<void> {
    const file = await getJson<WarrantFileJson>(pathOf(liid));
    const { place } = this.state;
    if (place.view === 'warrant' && place.liid === liid) this.set({ file });
  }

  /** What is asked for to be shown: why it could not be is told above it. */
  async #loaded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      if (this.state.failure !== null) this.set({ failure: null });
    } catch (error) {
      this.set({ failure: refusalText(error) });
    }
  }

  /** What the reader wants done: once at a time, and why it was refused is told where it was asked for. */
  async #send(work: () => Promise<void>): Promise<void> {
    if (this.state.isSending) return;
    this.set({ isSending: true, refusal: null, notice: '' });
    try {
      await work();
    } catch (error) {
      this.set({ refusal: refusalText(error) });
    } finally {
      this.set({ isSending: false });
    }
  }
}

async function allWarrants(): Promise<Map<string, WarrantJson>> {
  const found = new Map<string, WarrantJson>();
  for (let after: string | undefined = ''; after !== undefined;) {
    const from: string = after === '' ? '' : `&after=${encodeURIComponent(after)}`;
    const page: WarrantPageJson = await getJson<WarrantPageJson>(`warrants?limit=${PAGE}${from}`);
    for (const warrant of page.warrants) found.set(warrant.liid, warrant);
    after = page.next;
  }
  return found;
}

function isSystem(data: unknown): data is SystemJson {
  return (
    typeof data === 'object' && data !== null && 'warrants' in data && 'revision' in data && 'away' in data
  );
}

function pathOf(liid: string): string {
  return `warrants/${encodeURIComponent(liid)}`;
}
