import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAccess } from '../access/open.js';
import { permitting } from '../ports/access-filter.js';
import { BASE, below, openWorld, type World } from './testing.js';

let world: World;

interface Entry {
  readonly fullUrl: string;
  readonly resource: { readonly resourceType: string; readonly id: string; readonly [name: string]: unknown };
  readonly search: { readonly mode: string };
}

const link = (json: { link: { relation: string; url: string }[] }, relation: string) =>
  json.link.find((each) => each.relation === relation)?.url;
const ids = (json: { entry?: Entry[] }, mode = 'match') =>
  (json.entry ?? []).filter((entry) => entry.search.mode === mode).map((entry) => entry.resource.id);

beforeAll(async () => {
  world = await openWorld();
  const put = (resource: { resourceType: string; id: string; [name: string]: unknown }) =>
    world.ask(`PUT ${resource.resourceType}/${resource.id}`, { body: JSON.parse(JSON.stringify(resource)) });
  await put({ resourceType: 'Patient', id: 'ada', name: [{ family: 'Example' }], gender: 'female' });
  await put({ resourceType: 'Patient', id: 'bob', name: [{ family: 'Sample' }], gender: 'male' });
  for (let day = 1; day <= 7; day++) {
    await put({
      resourceType: 'Observation',
      id: `o${day}`,
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
      subject: { reference: day < 7 ? 'Patient/ada' : 'Patient/bob' },
      effectiveDateTime: `2024-01-0${day}`,
    });
  }
});
afterAll(() => world.close());

describe('search', () => {
  it('answers a searchset of stored resources', async () => {
    const { status, headers, json } = await world.ask('GET Patient?family=example');
    expect([status, headers]).toEqual([200, {}]);
    expect([json.resourceType, json.type]).toEqual(['Bundle', 'searchset']);
    expect(json.entry).toHaveLength(1);
    expect(json.entry[0]).toMatchObject({
      fullUrl: `${BASE}/Patient/ada`,
      resource: { resourceType: 'Patient', id: 'ada', meta: { versionId: '1' } },
      search: { mode: 'match' },
    });
  });

  it('has no entries where nothing matches', async () => {
    const { status, json } = await world.ask('GET Patient?family=nobody');
    expect([status, json.entry, json.total]).toEqual([200, undefined, 0]);
  });

  it('answers POST _search as GET, with links that GET follows', async () => {
    const { json } = await world.ask('POST Observation/_search?subject=Patient/ada&_count=2&_sort=date');
    expect(ids(json)).toEqual(['o1', 'o2']);
    const second = await world.ask(`GET ${below(link(json, 'next') ?? '')}`);
    expect(ids(second.json)).toEqual(['o3', 'o4']);
  });

  it('searches in a compartment, of one type and of all', async () => {
    expect(ids((await world.ask('GET Patient/bob/Observation')).json)).toEqual(['o7']);
    expect(ids((await world.ask('POST Patient/bob/Observation/_search?status=final')).json)).toEqual(['o7']);
    expect(ids((await world.ask('GET Patient/bob/*')).json)).toContain('o7');
  });

  it('searches across types', async () => {
    const { json } = await world.ask('GET ?_type=Patient,Observation&_id=ada,o1');
    expect(ids(json).sort()).toEqual(['ada', 'o1']);
  });

  it('counts alone for _summary=count and _count=0', async () => {
    for (const query of ['_summary=count', '_count=0']) {
      const { json } = await world.ask(`GET Observation?subject=Patient/ada&${query}`);
      expect([json.total, json.entry]).toEqual([6, undefined]);
    }
  });

  it('gives the total that _total asks for', async () => {
    const { json } = await world.ask('GET Observation?_count=2&_total=accurate');
    expect([json.total, ids(json).length]).toEqual([7, 2]);
  });

  it('cuts entries as _elements and _summary ask', async () => {
    const { json } = await world.ask('GET Patient?_elements=gender&_id=ada');
    expect(Object.keys(json.entry[0].resource).sort()).toEqual(['gender', 'id', 'meta', 'resourceType']);
    const text = await world.ask('GET Patient?_summary=text&_id=ada');
    expect(text.json.entry[0].resource.meta.tag[0].code).toBe('SUBSETTED');
  });

  it('includes what _include and _revinclude name', async () => {
    const forward = await world.ask('GET Observation?_id=o1&_include=Observation:subject');
    expect([ids(forward.json), ids(forward.json, 'include')]).toEqual([['o1'], ['ada']]);
    const reverse = await world.ask('GET Patient?_id=bob&_revinclude=Observation:subject');
    expect([ids(reverse.json), ids(reverse.json, 'include')]).toEqual([['bob'], ['o7']]);
  });
});

describe('_filter', () => {
  const filtered = (type: string, filter: string, more = '') =>
    world.ask(`GET ${type}?_filter=${encodeURIComponent(filter)}${more}`);

  it('finds by its operators, beside other parameters', async () => {
    expect(ids((await filtered('Patient', 'family ew "AMPLE" and gender ne male')).json)).toEqual(['ada']);
    expect(ids((await filtered('Observation', 'date ge 2024-01-03', '&subject=Patient/bob')).json)).toEqual([
      'o7',
    ]);
    const chain = 'subject[gender eq male].family co am and not(code eq loinc|1)';
    expect(ids((await filtered('Observation', chain)).json)).toEqual(['o7']);
  });

  it('finds across types', async () => {
    const { json } = await filtered('', '_id eq ada or _id eq o1', '&_type=Patient,Observation');
    expect(ids(json).sort()).toEqual(['ada', 'o1']);
  });

  it('stands in the self link as it was given, and is posted as well', async () => {
    const filter = 'family eq "a, b" or (gender eq male)';
    const { json } = await filtered('Patient', filter);
    expect(new URL(link(json, 'self') ?? '').searchParams.get('_filter')).toBe(filter);
    const posted = await world.ask(`POST Patient/_search?_filter=${encodeURIComponent(filter)}`);
    expect(ids(posted.json)).toEqual(['bob']);
  });

  it('is followed over pages', async () => {
    const { json } = await filtered('Observation', 'subject.gender eq female', '&_count=4&_sort=date');
    const second = await world.ask(`GET ${below(link(json, 'next') ?? '')}`);
    expect(ids(second.json)).toEqual(['o5', 'o6']);
  });

  it('is refused with the place of what is wrong, lenient handling or not', async () => {
    for (const headers of [{}, { prefer: 'handling=lenient' }]) {
      const { status, json } = await world.ask(
        'GET Patient?_filter=gender%20eq%20male%20and%20famly%20eq%20x',
        {
          headers,
        },
      );
      expect([status, json.issue[0].code]).toEqual([400, 'not-supported']);
      expect(json.issue[0].details.text).toBe(
        'The search parameter _filter has at character 20 the parameter famly, which is not known on Patient: did you mean family?',
      );
    }
  });
});

describe('_list', () => {
  it('finds what the list refers to', async () => {
    const entry = [{ item: { reference: 'Patient/bob' } }, { item: { reference: 'Observation/o2' } }];
    const list = { resourceType: 'List', id: 'round', status: 'current', mode: 'working', entry };
    await world.ask('PUT List/round', { body: list });
    expect(ids((await world.ask('GET Patient?_list=round')).json)).toEqual(['bob']);
    expect(ids((await world.ask('GET ?_list=round&_type=Patient,Observation')).json).sort()).toEqual([
      'bob',
      'o2',
    ]);
  });
});

describe('unknown parameters', () => {
  it('are refused with their name and what comes near', async () => {
    const answer = await world.ask('GET Patient?famly=x&nonsense=1');
    expect(answer.status).toBe(400);
    expect(answer.json.issue).toHaveLength(2);
    expect(answer.json.issue[0].details.text).toContain('family');
  });

  it('are left aside with a warning where handling is lenient, and self says so', async () => {
    const headers = { prefer: 'handling=lenient' };
    const { status, json } = await world.ask('GET Patient?famly=x&family=example', { headers });
    expect([status, ids(json)]).toEqual([200, ['ada']]);
    const outcome: Entry = json.entry.at(-1);
    expect([outcome.search.mode, outcome.resource.resourceType]).toEqual(['outcome', 'OperationOutcome']);
    expect(link(json, 'self')).toContain('family=example');
    expect(link(json, 'self')).not.toContain('famly');
  });
});

describe('pages', () => {
  const pageThrough = async (line: string): Promise<string[][]> => {
    const pages: string[][] = [];
    for (let next: string | undefined = line; next !== undefined; ) {
      const { json } = await world.ask(`GET ${next}`);
      pages.push(ids(json));
      const url = link(json, 'next');
      next = url === undefined ? undefined : below(url);
    }
    return pages;
  };

  it('hold every match once, in order', async () => {
    expect(await pageThrough('Observation?_count=3&_sort=-date')).toEqual([
      ['o7', 'o6', 'o5'],
      ['o4', 'o3', 'o2'],
      ['o1'],
    ]);
  });

  it('say in self what was executed, with count and cursor', async () => {
    const first = await world.ask('GET Observation?_sort=-date&_count=3');
    expect(link(first.json, 'self')).toBe(`${BASE}/Observation?_sort=-date&_count=3`);
    expect(link(first.json, 'first')).toBe(link(first.json, 'self'));
    const next = below(link(first.json, 'next') ?? '');
    const second = await world.ask(`GET ${next}`);
    const again = await world.ask(`GET ${below(link(second.json, 'self') ?? '')}`);
    expect(ids(again.json)).toEqual(ids(second.json));
  });

  it('lead back by previous links, as far as they led on', async () => {
    const forwards: string[][] = [];
    const backwards: string[][] = [];
    let { json } = await world.ask('GET Observation?_count=2&_sort=-date');
    expect(link(json, 'previous')).toBeUndefined();
    for (let url = link(json, 'next'); ; url = link(json, 'next')) {
      forwards.push(ids(json));
      if (url === undefined) break;
      json = (await world.ask(`GET ${below(url)}`)).json;
    }
    for (let url = link(json, 'previous'); ; url = link(json, 'previous')) {
      backwards.unshift(ids(json));
      if (url === undefined) break;
      json = (await world.ask(`GET ${below(url)}`)).json;
    }
    expect(forwards).toEqual([['o7', 'o6'], ['o5', 'o4'], ['o3', 'o2'], ['o1']]);
    expect(backwards).toEqual(forwards);
    expect(ids((await world.ask(`GET ${below(link(json, 'next') ?? '')}`)).json)).toEqual(['o5', 'o4']);
  });

  it('have links of the same length however far they lead', async () => {
    const lengths: number[] = [];
    let { json } = await world.ask('GET Observation?_count=1&_sort=-date');
    for (let url = link(json, 'next'); url !== undefined; url = link(json, 'next')) {
      json = (await world.ask(`GET ${below(url)}`)).json;
      lengths.push((link(json, 'previous') ?? '').length);
    }
    expect(lengths).toHaveLength(6);
    expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThan(8);
  });

  it('hold on every page the total of the first', async () => {
    let { json } = await world.ask('GET Observation?_count=3&_total=accurate');
    const totals: number[] = [json.total];
    for (let url = link(json, 'next'); url !== undefined; url = link(json, 'next')) {
      json = (await world.ask(`GET ${below(url)}`)).json;
      totals.push(json.total);
    }
    expect(totals).toEqual([7, 7, 7]);
  });

  it('are those of the first page while others write', async () => {
    const mine = await openWorld();
    const put = (id: string, day: number, status = 'final') =>
      mine.ask(`PUT Observation/${id}`, {
        body: {
          resourceType: 'Observation',
          id,
          status,
          code: { text: 'c' },
          effectiveDateTime: `2024-01-0${day}`,
        },
      });
    for (let day = 1; day <= 6; day++) await put(`o${day}`, day);
    const first = await mine.ask('GET Observation?status=final&_sort=date&_count=2');
    await put('o4', 1);
    await put('o5', 5, 'amended');
    await put('o7', 4);
    await mine.ask('DELETE Observation/o3');
    const second = await mine.ask(`GET ${below(link(first.json, 'next') ?? '')}`);
    const third = await mine.ask(`GET ${below(link(second.json, 'next') ?? '')}`);
    expect([first, second, third].map(({ json }) => ids(json))).toEqual([
      ['o1', 'o2'],
      ['o3', 'o4'],
      ['o5', 'o6'],
    ]);
    expect(third.json.entry[0].resource).toMatchObject({ status: 'final', meta: { versionId: '1' } });
    const back = await mine.ask(`GET ${below(link(third.json, 'previous') ?? '')}`);
    expect(ids(back.json)).toEqual(['o3', 'o4']);
    await mine.close();
  });

  it('keep _pretty and _format in their links', async () => {
    const { json } = await world.ask('GET Observation?_count=3&_pretty=true&_format=json');
    expect(link(json, 'next')).toMatch(/_pretty=true&_format=json$/);
  });

  const cursor = async () => {
    const { json } = await world.ask('GET Observation?_count=3');
    return new URL(link(json, 'next') ?? '').searchParams.get('_cursor') ?? '';
  };

  const refusedAt = async (asking: World, line: string) => {
    const answer = await asking.ask(line);
    expect(answer.json.resourceType, line).toBe('OperationOutcome');
    return [answer.status, answer.json.issue[0].code];
  };

  describe.each(['GET Observation', 'POST Observation/_search'])('asked for by %s', (line) => {
    it('refuse a cursor that was changed', async () => {
      const token = await cursor();
      const middle = token.length >> 1;
      const changed = token.slice(0, middle) + (token[middle] === 'A' ? 'B' : 'A') + token.slice(middle + 1);
      for (const each of [changed, token.slice(0, -4), 'x', '']) {
        expect(await refusedAt(world, `${line}?_cursor=${each}`)).toEqual([400, 'invalid']);
      }
    });

    it('refuse the cursor of another principal', async () => {
      const other = world.as({ ...openAccess('test'), principal: 'another' });
      expect(await refusedAt(other, `${line}?_cursor=${await cursor()}`)).toEqual([400, 'invalid']);
    });

    it('refuse the cursor of another tenant', async () => {
      const other = world.of('another');
      expect(await refusedAt(other, `${line}?_cursor=${await cursor()}`)).toEqual([400, 'invalid']);
    });

    it('refuse a cursor beside other parameters', async () => {
      const token = await cursor();
      expect(await refusedAt(world, `${line}?_cursor=${token}&status=final`)).toEqual([400, 'invalid']);
      expect((await world.ask(`${line}?_cursor=${token}&_count=3`)).status).toBe(200);
    });
  });

  it.each([
    'GET Patient',
    'POST Patient/_search',
    'GET Patient/ada/Observation',
    'GET ',
    'GET Patient/_history',
  ])('refuse a cursor on another path: %s', async (line) => {
    expect(await refusedAt(world, `${line}?_cursor=${await cursor()}`)).toEqual([400, 'invalid']);
  });

  it('of a restricted principal hold what it may see and no more', async () => {
    const female = { op: 'value', param: 'gender', test: { kind: 'token', code: 'female' } } as const;
    const filter = { kind: 'restricted', byType: { Patient: female } } as const;
    const narrow = world.as({ principal: 'narrow', ...permitting(filter) });
    expect(ids((await narrow.ask('GET Patient')).json)).toEqual(['ada']);
    expect((await narrow.ask('GET Patient?_summary=count')).json.total).toBe(1);
    expect((await narrow.ask('GET Patient/bob')).status).toBe(404);
    expect(ids((await narrow.ask('GET Patient?_revinclude=Observation:subject')).json, 'include')).toEqual(
      [],
    );
  });
});
