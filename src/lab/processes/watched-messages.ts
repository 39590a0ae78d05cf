/** What goes between the laboratory and an entity in a process that it watches (`watched-main.ts`), as structured clones. */
import type { EntitySighting, TaskName } from '../network/entities.ts';

/** To the entity. */
export type ToWatched =
  | { readonly kind: 'task'; readonly id: number; readonly task: TaskName; readonly given: unknown }
  /** To be answered: all that was seen before comes before the answer. */
  | { readonly kind: 'sync'; readonly id: number };

/** From the entity. */
export type FromWatched =
  /** @see machineMs */
  | { readonly kind: 'seen'; readonly at: number; readonly sighting: EntitySighting }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };
