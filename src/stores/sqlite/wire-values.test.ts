/** Index values come back from their lines as they were, whatever characters they hold. */
import { describe, expect, it } from 'vitest';
import { type IndexValue, OPEN_END } from '../../fhir/search/index-value.js';
import { linesOf, valueLines, valueOfLine } from './wire-values.js';

const VALUES: readonly IndexValue[] = [
  { kind: 'token', param: 'code', system: 'http://loinc.org', code: '1-8' },
  { kind: 'token', param: 'code', system: '', code: '' },
  { kind: 'token', param: 'code', system: 'a\nb', code: 'c\u001fd' },
  { kind: 'string', param: 'name', exact: 'Ḿ \ud800 "x\\', folded: 'm x' },
  { kind: 'string', param: 'name', exact: 'two\nlines', folded: 'two lines' },
  { kind: 'date', param: 'date', lo: -OPEN_END, hi: 1_577_836_800_000 },
  { kind: 'number', param: 'p', lo: Number.NEGATIVE_INFINITY, hi: 0.1 },
  { kind: 'number', param: 'p', lo: 1e300, hi: Number.POSITIVE_INFINITY },
  {
    kind: 'quantity',
    param: 'q',
    lo: 1e-7,
    hi: 5,
    system: 'http://unitsofmeasure.org',
    code: 'mg',
    unit: '',
  },
  { kind: 'quantity', param: 'q', lo: 1, hi: 5, system: '', code: '', unit: 'a\u001eb' },
  { kind: 'reference', param: 'subject', target: { kind: 'local', type: 'Patient', id: '1' } },
  { kind: 'reference', param: '@Patient', target: { kind: 'local', type: 'Patient', id: '1', version: '2' } },
  { kind: 'reference', param: 'r', target: { kind: 'url', url: 'http://x/y', version: '1' } },
  { kind: 'reference', param: 'r', target: { kind: 'url', url: 'http://x/y', version: '' } },
  { kind: 'reference', param: 'r', target: { kind: 'url', url: 'http://x/\u001d' } },
  { kind: 'uri', param: 'url', value: 'http://x' },
  { kind: 'uri', param: 'url', value: '\t' },
  {
    kind: 'composite',
    param: 'code-value',
    components: [
      [
        { kind: 'token', param: '', system: 's', code: 'c' },
        { kind: 'token', param: '', system: '', code: 'd' },
      ],
      [{ kind: 'number', param: '', lo: 1, hi: 2 }],
      [],
    ],
  },
  {
    kind: 'composite',
    param: 'code-value',
    components: [[{ kind: 'string', param: '', exact: 'a\u001eb', folded: 'a b' }]],
  },
];

describe('lines of index values', () => {
  it.each(VALUES.map((value) => [value.kind, value] as const))('keep a %s: %j', (_kind, value) => {
    expect(linesOf(valueLines([value])).map(valueOfLine)).toEqual([value]);
  });

  it('keep their order and number', () => {
    expect(linesOf(valueLines(VALUES)).map(valueOfLine)).toEqual(VALUES);
    expect(linesOf(valueLines([]))).toEqual([]);
  });
});
