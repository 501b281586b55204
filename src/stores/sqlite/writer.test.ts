/** How commits reach the writer thread: in order, whole, and with their bytes at hand. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, CommitResult } from '../../ports/backend.js';
import {
  commitOf,
  contractWorld,
  HandClock,
  prepared,
  put,
  UNRESTRICTED,
} from '../../ports/contract-world.js';
import { emptyBackend } from './testing.js';

let backend: Backend;
beforeEach(async () => {
  backend = await emptyBackend(contractWorld(new HandClock()));
});
afterEach(() => backend.close());

const many = (count: number, last = '') =>
  Array.from({ length: count }, (_, at) => put('Patient', at === count - 1 ? `${at}${last}` : `${at}`, []));

const versions = (result: CommitResult): readonly string[] =>
  result.kind === 'committed' ? result.outcomes.map(({ versionId }) => versionId) : [result.kind];

describe('the writer', () => {
  it('keeps the order of commits, however large', async () => {
    const [large, small, again] = await Promise.all([
      backend.commit(commitOf(many(2_500))),
      backend.commit(commitOf([put('Patient', '2499', [])])),
      backend.commit(commitOf(many(1_001))),
    ]);

    expect(new Set(versions(large))).toEqual(new Set(['1']));
    expect(versions(large)).toHaveLength(2_500);
    expect(versions(small)).toEqual(['2']);
    expect(new Set(versions(again))).toEqual(new Set(['2']));
  });

  it('undoes the whole of a commit that came in parts', async () => {
    await backend.commit(commitOf([put('Patient', '2499x', [])]));
    const refused = many(2_500, 'x').map((write) => ({ ...write, expected: { kind: 'absent' as const } }));

    expect(await backend.commit(commitOf(refused))).toEqual({
      kind: 'version-conflict',
      write: 2_499,
      current: '1',
    });
    expect((await backend.counts()).get('Patient')).toBe(1);
  });

  it('lets commits that were handed over end before it closes', async () => {
    const committing = backend.commit(commitOf(many(2_500)));
    await backend.close();

    expect(versions(await committing)).toHaveLength(2_500);
    backend = await emptyBackend(contractWorld(new HandClock()));
  });

  it('answers with the bytes that are stored', async () => {
    const write = { ...put('Patient', '1', []), resource: prepared([], 'é') };
    const result = await backend.commit(commitOf([write]));
    const stored = await backend.read({ type: 'Patient', id: '1' }, UNRESTRICTED);

    expect(result.kind === 'committed' && result.outcomes[0]?.bytes?.toString()).toBe(
      stored.kind === 'found' && stored.resource.bytes.toString(),
    );
  });
});
