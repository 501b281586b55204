/** What every audit log does. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditLog, AuditRecord } from './audit-log.js';
import { auditEventId } from './audit-log.js';
import type { Backend } from './backend.js';
import { commitOf, put } from './contract-world.js';

export interface AuditWorld {
  readonly backend: Backend;
  readonly audit: AuditLog;
  close(): Promise<void>;
}

export const RECORD: AuditRecord = {
  time: Date.UTC(2024, 0, 1),
  requestId: 'request-1',
  interaction: 'read',
  outcome: 'success',
  status: 200,
  principal: 'client:app',
};

const FULL: AuditRecord = {
  ...RECORD,
  client: 'app',
  user: 'Practitioner/1',
  scope: 'user/*.rs launch',
  emergency: 'unconscious, "allergies" unknown\nask later',
  network: '2001:db8::1',
  type: 'Observation',
  id: '1',
  query: 'code=größe|ü&date=ge2020',
  patients: ['1', 'b-2'],
  morePatients: true,
};

const about = (requestId: string): AuditRecord => ({ ...RECORD, requestId });

export function auditLogContract(open: () => Promise<AuditWorld>): void {
  describe('an audit log', () => {
    let world: AuditWorld;

    beforeEach(async () => {
      world = await open();
    });
    afterEach(() => world.close());

    async function requestIds(): Promise<string[]> {
      const batches = await world.audit.read(0, 1_000);
      return batches.flatMap(({ records }) => records.map(({ requestId }) => requestId));
    }

    test('is empty at first', async () => {
      expect([await world.audit.end(), await world.audit.followed(), await world.audit.read(0, 10)]).toEqual([
        0,
        0,
        [],
      ]);
    });

    test('gives back all that was recorded', async () => {
      await world.audit.record(FULL);
      await world.audit.record(RECORD);

      const records = (await world.audit.read(0, 10)).flatMap((batch) => batch.records);
      expect(records).toEqual([FULL, RECORD]);
    });

    test('has what was noted after a flush, in order', async () => {
      for (const id of ['a', 'b', 'c']) world.audit.note(about(id));
      expect(await requestIds()).toEqual([]);

      await world.audit.flush();

      expect(await requestIds()).toEqual(['a', 'b', 'c']);
    });

    test('has what was noted a little later, unasked', async () => {
      world.audit.note(about('a'));

      await expect.poll(requestIds, { timeout: 10_000 }).toEqual(['a']);
    });

    test('has what a commit brings when the commit has become', async () => {
      await world.backend.commit(commitOf([put('Patient', '1')], { audit: [about('a'), about('b')] }));

      expect(await requestIds()).toEqual(['a', 'b']);
    });

    test('has nothing of a commit that was refused', async () => {
      const write = put('Patient', '1', [], { expected: { kind: 'version', versionId: '7' } });

      const results = await Promise.all([
        world.backend.commit(commitOf([write], { audit: [about('refused')] })),
        world.backend.commit(commitOf([put('Patient', '2')], { audit: [about('committed')] })),
      ]);

      expect(results.map(({ kind }) => kind)).toEqual(['version-conflict', 'committed']);
      expect(await requestIds()).toEqual(['committed']);
    });

    test('numbers records without gaps and places without gaps', async () => {
      await Promise.all(
        Array.from({ length: 50 }, async (_, at) => {
          for (let note = 0; note < 10; note++) world.audit.note(about(`${at}-${note}`));
          await world.audit.record(about(`${at}`));
        }),
      );
      await world.audit.flush();

      const batches = await world.audit.read(0, 10_000);
      expect(batches.map(({ place }) => place)).toEqual(batches.map((_, at) => at + 1));
      let next = 1;
      for (const { first, records } of batches) {
        expect(first).toBe(next);
        next += records.length;
      }
      expect(next).toBe(551);
      const [only] = batches;
      const ids = batches.flatMap(({ chain, first, records }) =>
        records.map((_, at) => auditEventId(chain, first + at)),
      );
      expect(new Set(ids).size).toBe(550);
      expect(ids[0]).toBe(`${only?.chain.name}-1`);
    });

    test('is read on from a place, so much at a time', async () => {
      for (const id of ['a', 'b', 'c']) await world.audit.record(about(id));

      const batches = await world.audit.read(1, 1);

      expect(batches.map(({ place, records }) => [place, records[0]?.requestId])).toEqual([[2, 'b']]);
      expect(await world.audit.end()).toBe(3);
    });

    test('is followed once: who comes second is told so, and nothing of it is written', async () => {
      await world.audit.record(RECORD);
      const follow = (id: string) =>
        world.backend.commit(commitOf([put('AuditEvent', id)], { follows: { from: 0, to: 1 } }));

      const kinds = [(await follow('a')).kind, (await follow('b')).kind];

      expect(kinds).toEqual(['committed', 'version-conflict']);
      expect(await world.audit.followed()).toBe(1);
      const found = await world.backend.read(
        { type: 'AuditEvent', id: 'b' },
        { kind: 'unrestricted', reason: 'contract suite' },
      );
      expect(found.kind).toBe('absent');
    });
  });
}
