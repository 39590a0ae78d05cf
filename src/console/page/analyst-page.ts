/**
 * What happens on the page of analysts: what the reader does, what the LEMF tells, and what is asked for because of it.
 */
import type { CallList, CallView, RecordView } from '../../entities/lemf/case-views.ts';
import type { StreamReport } from '../../entities/lemf/recover.ts';
import type { CallEntry } from '../../wire/analysts/calls.ts';
import { decodeWav, WAV_SAMPLE_RATE } from '../../media/wav.ts';
import { ANALYST_BEGINNING, analystPlace } from './analyst-state.ts';
import type { AnalystSelf, AnalystState, LoadedAudio } from './analyst-state.ts';
import { getJson, getOctets } from './ask.ts';
import { refusalText } from './ask-refusal.ts';
import { listenLive, eventMember } from './live.ts';
import { CallPlayer, trackName } from './player.ts';
import type { Track } from './player.ts';
import { CONSOLE_TEXTS } from './texts.ts';

/** Milliseconds for which changes are gathered. */
const GATHER_MS = 250;
/** Seconds of a recording that is heard here at most. */
const LONGEST_SECONDS = 3600;

export class AnalystPage {
  state: AnalystState = ANALYST_BEGINNING;
  readonly #draw: (state: AnalystState) => void;
  readonly #players = new Map<string | null, { readonly of: string; readonly player: CallPlayer }>();
  #isFollowing = false;
  #gathering = false;
  #isChanged = false;

  /** @param draw what is shown for a state */
  constructor(draw: (state: AnalystState) => void) {
    this.#draw = draw;
  }

  async start(self: AnalystSelf): Promise<void> {
    window.addEventListener('hashchange', () => this.#moved());
    this.set({ self, place: analystPlace(location.hash) });
    listenLive({
      state: (live) => this.set({ live }),
      time: () => undefined,
      on: {
        call: (data) => {
          if (this.#isShown(String(eventMember(data, 'liid')), Number(eventMember(data, 'cin')))) this.#ask();
        },
        recovered: () => this.#ask(),
      },
      resync: () => this.#ask(),
    });
    await this.#askNow();
  }

  set(change: Partial<AnalystState>): void {
    this.state = { ...this.state, ...change };
    this.#draw(this.state);
  }

  /** After each drawing. */
  drawn(): void {
    for (const { player } of this.#players.values()) showPlace(player);
    if (!this.#isFollowing) this.#follow();
  }

  /** Those after the last that is shown. */
  async more(): Promise<void> {
    const { next, entries } = this.state;
    if (next === null) return;
    await this.#loaded(async () => {
      const list = await getJson<CallList>(`calls?before=${next}`);
      this.set({ entries: [...(entries ?? []), ...list.calls], next: list.next ?? null });
    });
  }

  /** Opens a record; `null`: closes it. */
  async choose(chosen: AnalystState['chosen']): Promise<void> {
    this.set({ chosen, record: null });
    const { place } = this.state;
    if (chosen === null || place.view !== 'call') return;
    await this.#loaded(async () => {
      const source = chosen.source === null ? '' : `?source=${encodeURIComponent(chosen.source)}`;
      const record = await getJson<RecordView>(`calls/${place.id}/records/${chosen.place}${source}`);
      if (this.state.chosen === chosen) this.set({ record });
    });
    document.getElementById('record')?.focus();
  }

  /** What plays a call; `null`: its recordings are not there. @param figure id of the place that shows it */
  playerOf(source: string | null, figure: string): CallPlayer | null {
    const audio = this.state.audio.get(source);
    if (audio === undefined || audio.tracks === null || audio.tracks.length === 0) return null;
    const known = this.#players.get(source);
    if (known?.of === audio.of) return known.player;
    known?.player.close();
    const player = new CallPlayer(audio.tracks, () => this.set({}));
    player.figure = figure;
    this.#players.set(source, { of: audio.of, player });
    return player;
  }

  /** Shows where players are, as long as one plays. */
  #follow(): void {
    const playing = [...this.#players.values()].filter(({ player }) => player.isPlaying);
    this.#isFollowing = playing.length > 0;
    if (!this.#isFollowing) return;
    for (const { player } of playing) showPlace(player);
    requestAnimationFrame(() => this.#follow());
  }

  #moved(): void {
    for (const { player } of this.#players.values()) player.close();
    this.#players.clear();
    this.set({
      ...{ place: analystPlace(location.hash), calls: null, chosen: null, record: null },
      ...{ audio: new Map(), failure: null },
    });
    void this.#askNow();
  }

  /** Whether what is shown has the call. */
  #isShown(liid: string, cin: number): boolean {
    const { place, calls } = this.state;
    return place.view === 'calls' || calls?.some((call) => call.liid === liid && call.cin === cin) === true;
  }

  /** Asks for what is shown, once for several changes. */
  #ask(): void {
    this.#isChanged = true;
    if (this.#gathering) return;
    this.#gathering = true;
    setTimeout(() => {
      this.#isChanged = false;
      void this.#askNow().finally(() => {
        this.#gathering = false;
        if (this.#isChanged) this.#ask();
      });
    }, GATHER_MS);
  }

  #askNow(): Promise<void> {
    const { place } = this.state;
    return this.#loaded(async () => {
      if (place.view === 'calls') await this.#askList();
      else if (place.view === 'call') await this.#askCall(place.id);
    });
  }

  /** The newest; those that were asked for beyond them stay. */
  async #askList(): Promise<void> {
    const list = await getJson<CallList>('calls');
    const named = new Set(list.calls.map(nameOf));
    const { entries, next } = this.state;
    const older = (entries ?? []).filter((entry) => !named.has(nameOf(entry)));
    const isFirst = entries === null;
    this.set({ entries: [...list.calls, ...older], next: isFirst ? (list.next ?? null) : next });
  }

  async #askCall(id: string): Promise<void> {
    const { calls } = await getJson<{ calls: CallView[] }>(`calls/${id}`);
    const { place } = this.state;
    if (place.view !== 'call' || place.id !== id) return;
    this.set({ calls });
    await Promise.all(calls.map((call) => this.#loadAudio(id, call)));
  }

  /** The recordings of a call, where they are others than those that are there. */
  async #loadAudio(id: string, { source, report }: CallView): Promise<void> {
    const streams = (report?.streams ?? []).filter(({ file }) => file !== null);
    const of = JSON.stringify(
      streams.map(({ file, seconds, packets, authenticated }) => [file, seconds, packets, authenticated]),
    );
    if (this.state.audio.get(source)?.of === of) return;
    const put = (audio: LoadedAudio): void =>
      this.set({ audio: new Map(this.state.audio).set(source, audio) });
    const isHeard = ({ seconds, furtherFiles }: (typeof streams)[number]): boolean =>
      seconds <= LONGEST_SECONDS && furtherFiles.length === 0;
    const tooLong = streams.filter((stream) => !isHeard(stream)).map(({ file }) => file ?? '');
    if (this.state.audio.get(source) === undefined) put({ of, tracks: null, tooLong });
    try {
      const tracks = await tracksOf(id, streams.filter(isHeard));
      const { place } = this.state;
      if (place.view === 'call' && place.id === id) put({ of, tracks, tooLong });
    } catch (error) {
      // They are asked for again when the call is.
      const audio = new Map(this.state.audio);
      if (audio.get(source)?.tracks === null && audio.delete(source)) this.set({ audio });
      throw error;
    }
  }

  async #loaded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      if (this.state.failure !== null) this.set({ failure: null });
    } catch (error) {
      this.set({ failure: refusalText(error) });
    }
  }
}

/** The recordings of streams, each from where it begins. @throws AskRefusal */
function tracksOf(id: string, heard: readonly StreamReport[]): Promise<Track[]> {
  const origin = Math.min(...heard.map(({ begins }) => begins ?? Infinity));
  return Promise.all(
    heard.map(async (stream): Promise<Track> => {
      const file = stream.file ?? '';
      const samples = decodeWav(await getOctets(`calls/${id}/files/${encodeURIComponent(file)}`));
      const ahead = stream.begins === null ? 0 : stream.begins - origin;
      return { name: trackName(stream), file, samples, from: Math.round((ahead * WAV_SAMPLE_RATE) / 1000) };
    }),
  );
}

function nameOf({ id, source }: CallEntry): string {
  return JSON.stringify([id, source]);
}

/** The lines on the drawings, and the slider, where a player is. */
function showPlace(player: CallPlayer): void {
  const figure = document.getElementById(player.figure);
  if (figure === null) return;
  const place = `${(100 * player.place) / Math.max(player.seconds, 1e-3)}%`;
  for (const line of figure.querySelectorAll('.playhead')) {
    line.setAttribute('x1', place);
    line.setAttribute('x2', place);
    line.setAttribute('visibility', player.place > 0 ? 'visible' : 'hidden');
  }
  const slider = figure.querySelector('input');
  if (slider === null) return;
  const { seconds, placeText } = CONSOLE_TEXTS.calls;
  const told = placeText(seconds(player.place), seconds(player.seconds));
  slider.value = String(player.place);
  slider.setAttribute('aria-valuetext', told);
  const shown = figure.querySelector('output');
  if (shown !== null) shown.textContent = told;
}
