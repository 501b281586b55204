/** History of an instance, a type and the system. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Backend, HistoryPage, HistoryRequest } from './backend.js';
import {
  contractWorld,
  HandClock,
  type MakeBackend,
  put,
  remove,
  START,
  UNRESTRICTED,
  write,
} from './contract-world.js';

const MINUTE = 60_000;

/** `1/2` is version 2 of resource 1; a deletion has a minus. */
function versionsOf(page: HistoryPage): string[] {
  return page.entries.map((entry) =>
    entry.kind === 'deleted'
      ? `-${entry.deleted.id}/${entry.deleted.versionId}`
      : `${entry.resource.id}/${entry.resource.versionId}`,
  );
}

export function historyContract(makeBackend: MakeBackend): void {
  describe('history', () => {
    const clock = new HandClock();
    let backend: Backend;

    /** A minute apart: Patient 1, Patient 2, Observation 1, Patient 1 again, Patient 2 deleted. */
    beforeEach(async () => {
      clock.time = START;
      backend = await makeBackend(contractWorld(clock));
      const writes = [
        put('Patient', '1'),
        put('Patient', '2', [], { method: 'POST' }),
        put('Observation', '1'),
        put('Patient', '1'),
        remove('Patient', '2'),
      ];
      for (const one of writes) {
        await write(backend, one);
        clock.time += MINUTE;
      }
    });
    afterEach(() => backend.close());

    const history = async (more: Partial<HistoryRequest>): Promise<HistoryPage> =>
      backend.history({ access: UNRESTRICTED, count: 100, ...more });

    test('is newest first, deletions included', async () => {
      expect(versionsOf(await history({}))).toEqual(['-2/2', '1/2', '1/1', '2/1', '1/1']);
      expect(versionsOf(await history({ type: 'Patient' }))).toEqual(['-2/2', '1/2', '2/1', '1/1']);
      expect(versionsOf(await history({ type: 'Patient', id: '1' }))).toEqual(['1/2', '1/1']);
      expect(versionsOf(await history({ type: 'Patient', id: 'never' }))).toEqual([]);
    });

    test('tells the method of each version', async () => {
      const { entries } = await history({ type: 'Patient', id: '2' });
      expect(entries.map(({ method }) => method)).toEqual(['DELETE', 'POST']);
    });

    test('is paged by position', async () => {
      for (const scope of [{}, { type: 'Patient' }, { type: 'Patient', id: '1' }]) {
        const whole = versionsOf(await history(scope));
        const paged: string[] = [];
        let page = await history({ ...scope, count: 1 });
        paged.push(...versionsOf(page));
        while (page.next !== undefined) {
          page = await history({ ...scope, count: 1, before: page.next });
          paged.push(...versionsOf(page));
        }
        expect(paged).toEqual(whole);
      }
    });

    test('_since leaves out what was committed before', async () => {
      expect(versionsOf(await history({ since: START + 3 * MINUTE }))).toEqual(['-2/2', '1/2']);
      expect(versionsOf(await history({ since: START + 3 * MINUTE + 1 }))).toEqual(['-2/2']);
      expect(versionsOf(await history({ since: START + 60 * MINUTE }))).toEqual([]);
      expect(versionsOf(await history({ type: 'Patient', id: '1', since: START + 1 }))).toEqual(['1/2']);
    });

    test('_at keeps what was current at some time of the range', async () => {
      const at = (from: number, to: number) => ({
        at: { from: START + from * MINUTE, to: START + to * MINUTE },
      });
      expect(versionsOf(await history({ type: 'Patient', id: '1', ...at(1, 2) }))).toEqual(['1/1']);
      expect(versionsOf(await history({ type: 'Patient', id: '1', ...at(2, 3) }))).toEqual(['1/2', '1/1']);
      expect(versionsOf(await history({ type: 'Patient', ...at(3.5, 3.6) }))).toEqual(['1/2', '2/1']);
      expect(versionsOf(await history({ ...at(-2, -1) }))).toEqual([]);
    });
  });
}
