/**
 * One network element as the ADMF provisions it: what it holds is brought to what it must hold, in two halves.
 *
 *     add     CreateDestination, ModifyDestination, ActivateTask, ModifyTask
 *     remove  DeactivateTask, RemoveDestination
 *
 * What the element holds is remembered from its own answers. After a request whose outcome is not known (no answer, or
 * none that makes sense) it is asked anew, by GetAllDetails, before anything else is done: so a request that was carried
 * out although its answer was lost is not taken for one that was not.
 */
import type { Clock, Logger } from '../../bytes/ports.ts';
import { X1ExchangeError } from '../../x1/requester.ts';
import { DESTINATION_DETAILS, TASK_DETAILS } from '../../wire/x1/details.ts';
import type { Destination, InterceptTask } from '../../wire/x1/details.ts';
import type { Child } from '../../wire/x1/fields.ts';
import type { XmlElement } from '../../wire/x1/xml.ts';
import type { Holdings } from './plan.ts';
import type { AdmfElement } from './ports.ts';

export interface RetrySetting {
  /** How often a request without answer is tried in all. */
  readonly attempts: number;
  /** Milliseconds before the second attempt, doubled each time. */
  readonly pauseMs: number;
}

interface View {
  readonly tasks: Map<string, InterceptTask>;
  readonly destinations: Map<string, Destination>;
}

export class ElementClient {
  readonly element: AdmfElement;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #retry: RetrySetting;
  /** `null`: not known. */
  #view: View | null = null;

  constructor(element: AdmfElement, clock: Clock, logger: Logger, retry: RetrySetting) {
    this.element = element;
    this.#clock = clock;
    this.#logger = logger;
    this.#retry = retry;
  }

  /** What is held is asked anew next time. */
  forget(): void {
    this.#view = null;
  }

  /** Creates and modifies what is wanted. @throws X1ExchangeError */
  add(wanted: Holdings): Promise<void> {
    return this.#persist(async (view) => {
      const { x1 } = this.element;
      for (const [did, destination] of wanted.destinations) {
        const held = view.destinations.get(did);
        if (held !== undefined && sameDestination(held, destination)) continue;
        const type = held === undefined ? 'CreateDestination' : 'ModifyDestination';
        await x1.request({ type, destination });
        view.destinations.set(did, destination);
      }
      for (const [xid, task] of wanted.tasks) {
        const held = view.tasks.get(xid);
        if (held !== undefined && sameTask(held, task)) continue;
        await x1.request({ type: held === undefined ? 'ActivateTask' : 'ModifyTask', task });
        view.tasks.set(xid, task);
      }
    });
  }

  /** Removes what is not wanted. @throws X1ExchangeError */
  remove(wanted: Holdings): Promise<void> {
    return this.#persist(async (view) => {
      const { x1 } = this.element;
      for (const xid of [...view.tasks.keys()].filter((held) => !wanted.tasks.has(held))) {
        await x1.request({ type: 'DeactivateTask', xid });
        view.tasks.delete(xid);
      }
      for (const did of [...view.destinations.keys()].filter((held) => !wanted.destinations.has(held))) {
        await x1.request({ type: 'RemoveDestination', did });
        view.destinations.delete(did);
      }
    });
  }

  /** Tries until it is done, or refused, or tried often enough. */
  async #persist(work: (view: View) => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#view ??= await this.#ask();
        await work(this.#view);
        return;
      } catch (error) {
        this.#view = null;
        if (!(error instanceof X1ExchangeError) || error.code === 'refused') throw error;
        if (attempt >= this.#retry.attempts) throw error;
        this.#logger.warn({ error, attempt }, 'an element gave no answer; trying again');
        await this.#pause(this.#retry.pauseMs * 2 ** (attempt - 1));
      }
    }
  }

  async #ask(): Promise<View> {
    const { tasks, destinations } = await this.element.x1.request({ type: 'GetAllDetails' });
    return {
      tasks: new Map(tasks.map(({ task }) => [task.xid, task])),
      destinations: new Map(destinations.map(({ destination }) => [destination.did, destination])),
    };
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }
}

/** Equality as X1 has it: what would be written is the same. */
function sameTask(a: InterceptTask, b: InterceptTask): boolean {
  return written(TASK_DETAILS, a) === written(TASK_DETAILS, b);
}

function sameDestination(a: Destination, b: Destination): boolean {
  return written(DESTINATION_DETAILS, a) === written(DESTINATION_DETAILS, b);
}

function written<T>(child: Child<T>, value: T): string {
  const elements: XmlElement[] = [];
  child.write(value, elements);
  return JSON.stringify(elements);
}
