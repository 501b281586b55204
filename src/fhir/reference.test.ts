/** References and canonicals: what their texts mean. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ParsedReference, parseCanonical, parseReference } from './reference.js';

interface Case {
  readonly text: string;
  readonly is: ParsedReference;
}

const CASES = JSON.parse(readFileSync('src/fhir/cases/references.json', 'utf8')) as Case[]; // our own file
const BASE = 'http://fairway.example/fhir';

describe('parseReference', () => {
  it.each(CASES)('takes "$text" for $is.kind', ({ text, is }) => {
    expect(parseReference(text, BASE)).toEqual(is);
  });

  it('knows no own URL without a base', () => {
    expect(parseReference(`${BASE}/Patient/1`)).toEqual({
      kind: 'absolute',
      url: `${BASE}/Patient/1`,
      type: 'Patient',
      id: '1',
    });
  });
});

describe('parseCanonical', () => {
  it.each([
    ['http://a.example/vs', { url: 'http://a.example/vs' }],
    ['http://a.example/vs|1.0', { url: 'http://a.example/vs', version: '1.0' }],
    ['http://a.example/vs|1.0#part', { url: 'http://a.example/vs', version: '1.0', fragment: 'part' }],
    ['http://a.example/vs#part', { url: 'http://a.example/vs', fragment: 'part' }],
    ['#vs', { url: '', fragment: 'vs' }],
    ['http://a.example/vs|', { url: 'http://a.example/vs' }],
    ['http://a.example/vs|1|2', { url: 'http://a.example/vs', version: '1|2' }],
  ])('splits %s', (text, parts) => {
    expect(parseCanonical(text)).toEqual(parts);
  });
});
