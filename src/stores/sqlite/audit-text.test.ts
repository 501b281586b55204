/** The audit log's text says what the records said, whoever asked in turn, and whichever pages stand together. */
import { describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../ports/audit-log.js';
import { type AuditPage, AuditPages, gathered, pagesOf } from './audit-pages.js';
import { recordsOf, UnreadableRecords } from './audit-text.js';

const about = (requestId: string, change: Partial<AuditRecord> = {}): AuditRecord => ({
  time: 1_000,
  requestId,
  interaction: 'read',
  outcome: 'success',
  status: 200,
  principal: 'app of ada',
  client: 'app',
  user: 'Patient/ada',
  scope: 'patient/*.rs launch/patient',
  network: '192.0.2.1',
  type: 'Patient',
  id: 'ada',
  patients: ['ada'],
  ...change,
});

const NURSE = { principal: 'nurse', client: 'ward', user: 'Practitioner/1', scope: 'user/*.rs' };
const SEARCH = { interaction: 'search-type', type: 'Observation', id: undefined, query: 'code=1%7C2' };

const textOf = (pages: readonly AuditPage[]): string =>
  pages.map(({ lines }) => Buffer.from(lines).toString('utf8')).join('\n');

describe('the text of the audit log', () => {
  it('gives back records of several who ask in turn for different things', () => {
    const records = [
      about('1'),
      about('2', { time: 1_001 }),
      about('3', NURSE),
      about('4', SEARCH),
      about('5', { ...NURSE, ...SEARCH, patients: ['ada', 'bob'], morePatients: true }),
      about('6'),
      about('7', { ...NURSE, emergency: 'she said "now" \\ and\nfell' }),
      about('8', { status: undefined, network: undefined, type: undefined, patients: undefined }),
      about('9', NURSE),
      about('10', { query: 'name=é%22' }),
    ];

    expect(recordsOf(textOf(pagesOf(records)))).toEqual(records);
  });

  it('takes a record that lists nobody for one without a list', () => {
    expect(recordsOf(textOf(pagesOf([about('1', { patients: [] })])))).toEqual([
      about('1', { patients: undefined }),
    ]);
  });

  it('gives back records of pages that were put together', () => {
    const turns = [1, 2, 3].map((turn) =>
      [0, 1, 2].map((at) => about(`${turn}.${at}`, at === 1 ? NURSE : {})),
    );

    const together = gathered(turns.flatMap(pagesOf));

    expect(together).toHaveLength(1);
    expect(recordsOf(textOf(together))).toEqual(turns.flat());
  });

  it('says once on a page who asked for what kind of thing', () => {
    const pages = new AuditPages();
    for (let at = 0; at < 250; at++) pages.add(about(String(at)));

    const texts = pages.take().map((page) => textOf([page]));

    expect(texts.map((text) => text.split('"app of ada"').length - 1)).toEqual([1, 1]);
    expect(texts.flatMap(recordsOf)).toHaveLength(250);
  });

  it('is read as it was when each record had a line', () => {
    const line =
      '{"t":1,"r":"x","d":"ada","h":200,"i":"read","y":"Patient","o":"success","p":"app","s":"a b","w":"ada bob"}';

    expect(recordsOf(line)).toEqual([
      {
        time: 1,
        requestId: 'x',
        id: 'ada',
        status: 200,
        interaction: 'read',
        type: 'Patient',
        outcome: 'success',
        principal: 'app',
        scope: 'a b',
        patients: ['ada', 'bob'],
      },
    ]);
  });

  const WHOLE = {
    t: [1_000, 5],
    r: ['x', 'y'],
    a: [0, 0],
    b: [0, 0],
    deeds: [[200, 'read', 'Patient', 'success']],
    holders: [['app', null, null, null, null]],
  };

  it.each<[string, object | string]>([
    ['no JSON', 'x'],
    ['no object', '[1]'],
    ['a column with too few cells', { ...WHOLE, r: ['x'] }],
    ['a column that is none', { ...WHOLE, d: 'ada' }],
    ['a column that is missing', { ...WHOLE, r: undefined }],
    ['a row that is not there', { ...WHOLE, a: [0, 1] }],
    ['no rows', { ...WHOLE, holders: undefined }],
    ['no row but a text', { ...WHOLE, holders: ['app'] }],
    ['a network that is not there', { ...WHOLE, n: [null, 0] }],
    ['a time that is none', { ...WHOLE, t: [null, 5] }],
    ['a time beyond all time', JSON.stringify(WHOLE).replace('1000', '1e400')],
    ['an outcome that there is not', { ...WHOLE, deeds: [[200, 'read', null, 'luck']] }],
  ])('cannot be read: %s', (_why, lines) => {
    expect(recordsOf(JSON.stringify(WHOLE))).toHaveLength(2);
    expect(() => recordsOf(typeof lines === 'string' ? lines : JSON.stringify(lines))).toThrow(
      UnreadableRecords,
    );
  });

  it('cannot be read where it is no text', () => {
    expect(() => recordsOf(Buffer.from('{}'))).toThrow(UnreadableRecords);
  });
});
