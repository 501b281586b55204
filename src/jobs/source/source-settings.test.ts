/** The section `sources`: what it becomes, and what is refused with its place. */
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../fhir/format/parse.js';
import { readSources } from './source-settings.js';

const read = (bulk: object) => readSources(parseJson(JSON.stringify({ night: { bulk } })));
const URL_ = 'https://fhir.example.org/r4';

describe('a source', () => {
  it('is everything of an open server where only its URL is given', () => {
    expect(read({ url: `${URL_}/` })).toEqual({
      night: { request: { base: new URL(URL_), level: { kind: 'system' }, types: [], typeFilters: [] } },
    });
  });

  it('has a client, a level, types and a time', () => {
    const sources = read({
      url: URL_,
      clientId: 'fairway',
      key: 'key.json',
      group: 'diabetes',
      types: ['Patient'],
      typeFilters: ['Patient?gender=male'],
      every: '24h',
      into: 'store',
    });

    expect(sources).toMatchObject({
      night: {
        client: { clientId: 'fairway', key: 'key.json', scope: 'system/*.rs' },
        request: { level: { kind: 'group', id: 'diabetes' }, types: ['Patient'] },
        every: 24 * 3_600_000,
      },
    });
  });

  it.each<[string, object, string]>([
    ['no URL', {}, 'sources.night.bulk.url is missing'],
    [
      'a URL that is none',
      { url: 'fhir' },
      'sources.night.bulk.url with level, group and types: fhir is no URL',
    ],
    ['a type that is none', { url: URL_, types: ['patient'] }, 'patient is no resource type'],
    ['types that are no list', { url: URL_, types: 'Patient' }, 'types must be a list of texts'],
    ['a client without its key', { url: URL_, clientId: 'a' }, 'clientId and key go together'],
    [
      'a group and a level',
      { url: URL_, group: 'a', level: 'patients' },
      'group and level exclude each other',
    ],
    ['a level that is none', { url: URL_, level: 'everything' }, 'level must be system or patients'],
    ['a time without its unit', { url: URL_, every: '24' }, 'every must be a number and s, m, h or d'],
    ['another place', { url: URL_, into: 'file' }, 'into must be store'],
    [
      'what is not known',
      { url: URL_, secret: 'x' },
      'sources.night.bulk has no secret: it has url, clientId',
    ],
  ])('with %s is refused', (_case, bulk, text) => {
    expect(read(bulk)).toEqual({ problems: [expect.stringContaining(text)] });
  });

  it.each(['', 'a/b', '../a', '__proto__'])('is never called %j', (name) => {
    const section = parseJson(`{${JSON.stringify(name)}: {"bulk": {"url": "${URL_}"}}}`);

    expect(readSources(section)).toEqual({ problems: [expect.stringContaining('is no name')] });
  });
});
