/** The stores of a LEMF: the files that it has, and the memory that other tests give it. */
import { LemfFiles } from '../../../../src/entities/lemf/store/files.ts';
import { MemoryLemfStore } from '../memory-store.ts';
import { lemfStoreSuite } from './compliance.ts';

lemfStoreSuite({ name: 'files', open: (place) => Promise.resolve(new LemfFiles(place)) });

const kept = new Map<string, MemoryLemfStore>();

lemfStoreSuite({
  name: 'memory',
  open: (place) => {
    const store = kept.get(place) ?? new MemoryLemfStore('fast');
    kept.set(place, store);
    return Promise.resolve(Object.assign(store, { close: () => undefined }));
  },
});
