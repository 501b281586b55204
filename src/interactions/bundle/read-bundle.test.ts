import { describe, expect, it } from 'vitest';
import { parseJson } from '../../fhir/format/parse.js';
import { makePace } from '../pace.js';
import { requestOf } from '../testing.js';
import { parseInPieces, readBundle } from './read-bundle.js';

const pieces = (text: string) => parseInPieces(text, makePace());

describe('a bundle parsed in pieces', () => {
  it.each([
    '{"resourceType":"Bundle","entry":[{"a":1.0},{"b":[1,{"c":"]}"}]}],"type":"batch"}',
    ' { "type" : "batch" , "entry" : [ {} , { "x" : "a\\"b,[" } , "\\\\" , null, 1e5 ] } ',
    '\ufeff{"meta":{"tag":[{"code":"\\\\\\""}]},"entry":[\n{"resource":{"entry":[1,2]}}\n]}',
  ])('is what it is when parsed at once: %s', async (text) => {
    expect(await pieces(text)).toEqual(parseJson(text));
  });

  it.each([
    '{"type":"batch"}',
    '{"type":"batch","entry":{}}',
    '{"type":"batch","entry":[]}',
    '{"type":"batch","entry":[{}],"entry":[]}',
    '{"type":"batch","entry":[{},]}',
    '{"type":"batch","entry":[{}}',
    '{"type":"batch","entry":[{} {}]}',
    '{"type":"batch","entry":[{}]} x',
    '{"type":"batch","entry":[{"a":}]}',
    '{"type":"batch","entry":["',
    '{"type" "entry":[{}]}',
    '[{"entry":[{}]}]',
    '',
    '{',
  ])('is left to the parser where it is not so: %s', async (text) => {
    expect(await pieces(text)).toBeUndefined();
  });

  it('tells the place of an error in the whole text', async () => {
    const filler = Array.from({ length: 30_000 }, () => '{"fullUrl":"x"}').join(',\n');
    const request = requestOf('POST ', { body: Buffer.from(`{"entry":[${filler},\n{"fullUrl":}]}`) });

    await expect(readBundle(request, makePace())).rejects.toThrow('line 30001, column 12');
  });
});
