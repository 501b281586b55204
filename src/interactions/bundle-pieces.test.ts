/** Bundles hold what they were given byte by byte, whether they are sent as one piece or as several. */
import { describe, expect, it } from 'vitest';
import { bundle, searchEntry } from './bundle-pieces.js';

const BASE = 'https://example.org/fhir';

/** Of resources with as many characters in their texts, which have two and four bytes each. */
function bundleOf(characters: number): { readonly pieces: readonly Buffer[]; readonly expected: object } {
  const resources = ['é', '💊'].map((sign, at) => ({
    resourceType: 'Basic',
    id: `b${at}`,
    language: sign.repeat(characters),
  }));
  const url = `${BASE}/Basic?code:text=é"💊`;
  const entries = resources.map((resource) =>
    searchEntry({ type: 'Basic', id: resource.id }, Buffer.from(JSON.stringify(resource)), 'match', BASE),
  );
  return {
    pieces: bundle({ type: 'searchset', total: 2, links: [{ relation: 'self', url }] }, entries),
    expected: {
      resourceType: 'Bundle',
      type: 'searchset',
      total: 2,
      link: [{ relation: 'self', url }],
      entry: resources.map((resource) => ({
        fullUrl: `${BASE}/Basic/${resource.id}`,
        resource,
        search: { mode: 'match' },
      })),
    },
  };
}

describe('a bundle', () => {
  it('that is short is one piece', () => {
    const { pieces, expected } = bundleOf(10);

    expect(pieces).toHaveLength(1);
    expect(Buffer.concat(pieces).toString('utf8')).toBe(JSON.stringify(expected));
  });

  it('that is long keeps its resources apart', () => {
    const { pieces, expected } = bundleOf(100_000);

    expect(pieces).toHaveLength(5);
    expect(Buffer.concat(pieces).toString('utf8')).toBe(JSON.stringify(expected));
  });

  it('has the URL of what contains a contained resource, and a local id with any characters', () => {
    const [opening] = searchEntry({ type: '#Basic', id: 'Basic/b1#a"\\é' }, Buffer.from('{}'), 'match', BASE);

    expect(JSON.parse(`${String(opening)}0}`)).toEqual({ fullUrl: `${BASE}/Basic/b1#a"\\é`, resource: 0 });
  });
});
