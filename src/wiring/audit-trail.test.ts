/** Whoever changes the audit log, its order, its end or its events is found out, as far as a file alone can tell. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askOfAudit } from '../interactions/audit/testing.js';
import { openWorld } from '../interactions/testing.js';
import type { AuditFinding, AuditSummary, KnownHead } from '../ports/audit-log.js';
import { Connection } from '../stores/sqlite/connection.js';
import { auditTrailOf } from './audit-trail.js';

let folder: string;
let original: string;
/** Of the last batch of the log. */
let end: KnownHead;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairway-audit-'));
  original = join(folder, 'original.db');
  for (const round of ['a', 'b']) {
    const world = await openWorld({}, { file: original, audited: true });
    for (const id of ['1', '2', '3']) {
      await world.ask(`PUT Patient/${round}${id}`, {
        body: { resourceType: 'Patient', id: `${round}${id}` },
      });
      await world.ask(`GET Patient/${round}${id}`);
      await world.audit.flush();
    }
    await askOfAudit(world, 'GET AuditEvent');
    await world.close();
  }
  alter(original, (connection) => {
    const row = connection.get<[string, number, string]>(
      `SELECT c.name, a.first + a.count - 1, lower(hex(a.hash)) FROM audit a JOIN audit_chain c USING (chain)
       ORDER BY a.place DESC LIMIT 1`,
    );
    const [chain = '', sequence = 0, hash = ''] = row ?? [];
    end = { chain, sequence, hash };
    connection.pragma('wal_checkpoint(TRUNCATE)');
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function alter(file: string, work: (connection: Connection) => void): void {
  const connection = Connection.open(file, 'control');
  work(connection);
  connection.close();
}

let copies = 0;

function verified(
  tamper: (connection: Connection) => void,
  known: readonly KnownHead[] = [],
): { readonly findings: readonly AuditFinding[]; readonly summary: AuditSummary } {
  const file = join(folder, `copy-${copies++}.db`);
  copyFileSync(original, file);
  alter(file, tamper);
  const findings: AuditFinding[] = [];
  const summary = auditTrailOf(file).verify(
    known,
    (finding) => findings.push(finding),
    () => undefined,
  );
  return { findings, summary };
}

const run =
  (...statements: readonly string[]) =>
  (connection: Connection): void =>
    connection.execute(statements.join(';'));

const FIRST_CHAIN_ENDS = '(SELECT max(place) FROM audit WHERE chain = 1)';
const AN_EVENT =
  "(SELECT rid FROM resource WHERE type = (SELECT id FROM type WHERE name = 'AuditEvent') ORDER BY rid LIMIT 1)";

describe('an audit log', () => {
  it('that nobody touched is whole, with its events', () => {
    const { findings, summary } = verified(() => undefined, [end]);

    expect(findings).toEqual([]);
    expect(summary).toMatchObject({ records: 14, chains: 2, open: 0, events: 13 });
  });

  it.each([
    [
      'a record was changed',
      "UPDATE audit SET lines = replace(lines, 'a1', 'a9') WHERE place = 2",
      2,
      'changed',
    ],
    ['a batch is no longer text', "UPDATE audit SET lines = 'x' WHERE place = 2", 2, 'cannot be read'],
    [
      'a batch became bytes, which hash alike',
      'UPDATE audit SET lines = CAST(lines AS BLOB) WHERE place = 2',
      2,
      'cannot be read',
    ],
    [
      'a record tells of a time that cannot be',
      `UPDATE audit SET lines = replace(lines, '{"t":[1', '{"t":[9e99') WHERE place = 2`,
      2,
      'cannot be read',
    ],
    ['a batch was removed', 'DELETE FROM audit WHERE place = 3', 3, 'removed'],
    ['the beginning was removed', 'DELETE FROM audit WHERE place < 3', 1, 'removed'],
    [
      'a record was taken out of its batch',
      'UPDATE audit SET count = count + 1 WHERE place = 2',
      2,
      'records',
    ],
    [
      'two batches changed places',
      'UPDATE audit SET place = 100 WHERE place = 2; UPDATE audit SET place = 2 WHERE place = 3; UPDATE audit SET place = 3 WHERE place = 100',
      2,
      'goes on with record',
    ],
    [
      'a batch was put in',
      'INSERT INTO audit SELECT 1000, chain, first, count, lines, heads, hash FROM audit WHERE place = 2',
      1000,
      'goes on with record',
    ],
    [
      'a chain has another name',
      "UPDATE audit_chain SET name = '0123456789abcdef' WHERE chain = 1",
      1,
      'hash',
    ],
    ['a chain is gone', 'DELETE FROM audit_chain WHERE chain = 1', 1, 'chain that is not there'],
    [
      'the end of a chain was cut off, and the gap was closed',
      `DELETE FROM audit WHERE place = ${FIRST_CHAIN_ENDS};
       UPDATE audit SET place = place - 1 WHERE place > ${FIRST_CHAIN_ENDS}`,
      8,
      'cut off',
    ],
    [
      'the end was cut off',
      'DELETE FROM audit WHERE place > (SELECT max(place) - 3 FROM audit)',
      undefined,
      'has no record',
    ],
    [
      'an event was changed',
      `UPDATE version SET bytes = replace(CAST(bytes AS TEXT), '"action":"U"', '"action":"R"')`,
      1,
      'not what its record says',
    ],
    [
      'an event has another version',
      `UPDATE resource SET version = 2 WHERE rid = ${AN_EVENT}; UPDATE version SET version = 2 WHERE rid = ${AN_EVENT}`,
      1,
      'not what its record says',
    ],
    ['an event was removed', `UPDATE resource SET live = 0 WHERE rid = ${AN_EVENT}`, 1, 'was removed'],
    [
      'an event was made up',
      `UPDATE resource SET id = '0123456789abcdef-7' WHERE rid = ${AN_EVENT}`,
      undefined,
      'made up',
    ],
  ])('is found out when %s', (_what, sql, place, text) => {
    const { findings } = verified(run(sql));

    expect(findings).toContainEqual({
      ...(place === undefined ? {} : { place }),
      text: expect.stringContaining(text),
    });
  });

  it('is walked to its end when a record tells of a deed that nobody can do', () => {
    const { findings, summary } = verified(
      run(`UPDATE audit SET lines = replace(lines, '"update"', '"constructor"')`),
    );

    expect(findings.length).toBeGreaterThan(1);
    expect(summary.records).toBe(14);
  });

  it('whose end was cut off with all traces is whole by itself, and not beside a checkpoint kept elsewhere', () => {
    const cut = run(
      'DELETE FROM audit WHERE place = (SELECT max(place) FROM audit)',
      "UPDATE setting SET value = (SELECT min(value, (SELECT max(place) FROM audit)) FROM setting WHERE name = 'audit_followed') WHERE name = 'audit_followed'",
    );

    const alone = verified(cut);
    const beside = verified(cut, [end]);

    expect(alone.findings).toEqual([]);
    expect(alone.summary.open).toBe(1);
    expect(beside.findings).toEqual([{ text: expect.stringContaining('a checkpoint of yours') }]);
  });

  it('is given out as events of a time', () => {
    const at = Date.parse('2024-01-31T12:00:00Z');
    const lines = (since: number, until: number): readonly string[] => [
      ...auditTrailOf(original).lines(since, until, () => undefined),
    ];

    expect(lines(at, at)).toHaveLength(14);
    expect(lines(at + 1, at + 2)).toEqual([]);
    expect(JSON.parse(lines(at, at)[0] ?? '')).toMatchObject({ resourceType: 'AuditEvent', action: 'U' });
  });
});
