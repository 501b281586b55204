/**
 * `_text` and `_content` on the store: what the full-text index finds is what the words of the resources say, whether the
 * index has come to know them or not.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ResourceObject } from '../../fhir/format/json.js';
import type { Phrase, Predicate, WordsTest } from '../../fhir/search/query.js';
import { holdsWords, resourceWords, wordsOf } from '../../fhir/search/words.js';
import type { SearchPage, SearchRequest } from '../../ports/backend.js';
import {
  allIds,
  contractWorld,
  EVERYTHING,
  idsOf,
  put,
  remove,
  searchOf,
  write,
} from '../../ports/contract-world.js';
import { Dice } from '../../ports/dice.js';
import { Connection } from './connection.js';
import { stepMerging } from './full-text.js';
import type { SqliteStore } from './store.js';
import { freshFolder, openStore } from './testing.js';

const SEED = Number(process.env.FAIRWAY_TEST_SEED ?? 20_261_121);
const QUERIES = 400;

let folder: string;
let store: SqliteStore;

beforeEach(async () => {
  folder = freshFolder();
  store = await openStore(join(folder, 'store.db'), contractWorld());
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

function note(id: string, narrative: string, text: string): ReturnType<typeof put> {
  const div = `<div xmlns="http://www.w3.org/1999/xhtml">${narrative}</div>`;
  const rest = `,"text":{"status":"additional","div":${JSON.stringify(div)}},"note":[{"text":${JSON.stringify(text)}}],"values":[]}`;
  return put('Observation', id, [], { resource: { metaRest: '', rest, values: [], indexedAt: 0 } });
}

function holding(param: '_text' | '_content', ...phrases: readonly Phrase[]): Predicate {
  return { op: 'value', param, test: { kind: 'words', phrases } };
}

function word(words: string, begins = false): Phrase {
  return { words, begins };
}

function following({ next }: SearchPage): Partial<SearchRequest> {
  return next === undefined ? {} : { after: next };
}

function preceding({ previous }: SearchPage): Partial<SearchRequest> {
  return previous === undefined ? {} : { before: previous };
}

function found(where: Predicate): Promise<string[]> {
  return allIds(store.backend, searchOf('Observation', where)).then((ids) => ids.sort());
}

describe('words', () => {
  test('of the narrative are those between its tags', () => {
    const resource: ResourceObject = {
      resourceType: 'Observation',
      id: 'abc',
      text: { status: 'generated', div: '<div>Heart<b>beat</b> &amp; pulse&#233;</div>' },
      code: { text: "Zoë's 2nd", coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
      effectiveDateTime: '2020-01-01',
    };
    expect(resourceWords(resource)).toEqual({
      narrative: 'heart beat pulsee',
      content: 'heart beat pulsee zoe s 2nd 8867 4',
    });
  });

  test('are found in the narrative by _text, and everywhere by _content', async () => {
    await write(store.backend, note('1', 'a swollen ankle', 'fracture'), note('2', 'fracture', 'none'));
    for (const state of ['before it is indexed', 'after it is indexed']) {
      expect(await found(holding('_text', word('fracture'))), state).toEqual(['2']);
      expect(await found(holding('_content', word('fracture'))), state).toEqual(['1', '2']);
      expect(await found(holding('_content', word('swollen ankle'))), state).toEqual(['1']);
      expect(await found(holding('_content', word('ankle swollen'))), state).toEqual([]);
      expect(await found(holding('_content', word('frac', true), word('ank', true))), state).toEqual(['1']);
      expect(await found({ op: 'not', of: holding('_text', word('fracture')) }), state).toEqual(['1']);
      await indexed();
    }
  });

  test('of a version that was replaced or deleted find nothing', async () => {
    await write(store.backend, note('1', 'x', 'first'), note('2', 'x', 'first'), note('3', 'x', 'first'));
    await indexed();
    await write(store.backend, note('1', 'x', 'second'), remove('Observation', '2'));
    expect(await found(holding('_content', word('first')))).toEqual(['3']);
    expect(await found(holding('_content', word('second')))).toEqual(['1']);
    await indexed();
    expect(await found(holding('_content', word('first')))).toEqual(['3']);
    expect(await found(holding('_content', word('second')))).toEqual(['1']);
  });

  test('of many versions are waited for', async () => {
    const many = Array.from({ length: 1_200 }, (_, at) =>
      note(`n${at}`, 'x', at % 300 === 7 ? 'needle' : 'hay'),
    );
    await write(store.backend, ...many);
    expect(await found(holding('_content', word('needle')))).toEqual(['n307', 'n607', 'n7', 'n907']);
  });

  test('are refused while the index is far behind and there is no time to wait', async () => {
    await write(store.backend, ...Array.from({ length: 4_000 }, (_, at) => note(`n${at}`, 'x', 'hay')));
    const request = searchOf('Observation', holding('_content', word('hay')), { deadline: 1 });
    await expect(Promise.resolve().then(() => store.backend.search(request))).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/index is being made \(\d+ % done\)/),
    });
  });

  test('are found as before when the index was merged, which makes one segment of many', async () => {
    for (let at = 0; at < 4; at++) {
      await write(store.backend, note(`n${at}`, 'x', 'needle'), note(`gone${at}`, 'x', 'needle'));
      await indexed();
      await write(store.backend, remove('Observation', `gone${at}`));
    }
    await indexed();
    const connection = Connection.open(join(folder, 'store.db'), 'writer');
    while (stepMerging(connection));
    const [segments] = connection.get<[number]>('SELECT count(DISTINCT segid) FROM full_text_idx') ?? [];
    connection.close();

    expect(segments).toBe(1);
    expect(await found(holding('_content', word('needle')))).toEqual(['n0', 'n1', 'n2', 'n3']);
  });

  test('asked for twice are found behind the many rows that hold only some of them', async () => {
    const common = Array.from({ length: 2_300 }, (_, at) => note(`common${at}`, '', 'seen'));
    const rare = ['first', 'second', 'third'].map((id) => note(id, '', 'seen zebra'));
    await write(store.backend, ...common, ...rare);
    for (const asked of [
      ['seen', 'zebra'],
      ['zebra', 'seen'],
    ]) {
      const of = asked.map((one) => holding('_content', word(one)));
      const request = searchOf('Observation', { op: 'and', of }, { count: 2 });
      const first = await store.backend.search(request);
      const second = await store.backend.search({ ...request, asOf: first.asOf, ...following(first) });
      const back = await store.backend.search({ ...request, asOf: first.asOf, ...preceding(second) });
      expect([first, second, back].map(idsOf), asked.join()).toEqual([
        ['first', 'second'],
        ['third'],
        ['first', 'second'],
      ]);
    }
  });

  test('give pages with each match once, forwards and backwards, while the index comes after and others write', async () => {
    const written = (from: number) =>
      Array.from({ length: 9 }, (_, at) => note(`n${from + at}`, '', `heard ${from + at}`));
    await write(store.backend, ...written(0));
    expect(await found(holding('_content', word('heard')))).toHaveLength(9);
    await write(store.backend, ...written(9));
    const request = searchOf('Observation', holding('_content', word('heard')), { count: 4 });
    const pages = [await store.backend.search(request)];
    for (let page = pages[0]; page?.next !== undefined; page = pages.at(-1)) {
      await write(
        store.backend,
        note(`n${pages.length}`, '', 'silent'),
        note(`later${pages.length}`, '', 'heard'),
      );
      pages.push(await store.backend.search({ ...request, asOf: page.asOf, ...following(page) }));
    }
    expect(pages.map(({ matches }) => matches.length)).toEqual([4, 4, 4, 4, 2]);
    expect(new Set(pages.flatMap(idsOf)).size).toBe(18);
    for (let at = pages.length - 1; at > 0; at--) {
      const page = pages[at];
      if (page === undefined) continue;
      const back = await store.backend.search({ ...request, asOf: page.asOf, ...preceding(page) });
      expect(idsOf(back)).toEqual(idsOf(pages[at - 1] ?? page));
    }
  });

  test('lead to pages that no search without them goes on with', async () => {
    await write(store.backend, ...['a', 'b'].map((id) => note(id, '', 'heard')));
    const { asOf, ...first } = await store.backend.search(
      searchOf('Observation', holding('_content', word('heard')), { count: 1 }),
    );
    const other = {
      ...searchOf('Observation', EVERYTHING, { count: 1 }),
      asOf,
      ...following({ asOf, ...first }),
    };
    const answer = new Promise((resolve) => resolve(store.backend.search(other)));
    await expect(answer).rejects.toMatchObject({ kind: 'cursor-invalid' });
  });

  test('are found in other types by no search on this one', async () => {
    await write(
      store.backend,
      note('1', 'x', 'same'),
      put('Patient', '1', [], {
        resource: { metaRest: '', rest: ',"x":"same","values":[]}', values: [], indexedAt: 0 },
      }),
    );
    await indexed();
    expect(await found(holding('_content', word('same')))).toEqual(['1']);
    expect(await allIds(store.backend, searchOf('Patient', EVERYTHING))).toEqual(['1']);
  });
});

/** Writes until the index is behind by more than a search would look at by itself, and waits for it. */
async function indexed(): Promise<void> {
  for (let at = 0; at < 600; at += 100) {
    await write(store.backend, ...Array.from({ length: 100 }, () => put('Basic', 'filler')));
  }
  await store.followFullText();
}

describe('generated notes', () => {
  const WORDS = ['fall', 'falls', 'Größe', 'pain', 'a', '2', '中文', 'ＡＢ'] as const;

  test(`are found as their words say (seed ${SEED})`, async () => {
    const dice = new Dice(SEED);
    const texts = new Map<string, string>();
    const phrase = (): Phrase => ({
      words: wordsOf([dice.pick(WORDS), ...dice.some(1, () => dice.pick(WORDS))].join(' ')).join(' '),
      begins: dice.below(3) === 0,
    });
    const some = (): string => dice.some(7, () => dice.pick(WORDS)).join(dice.pick([' ', ', ', '/']));
    for (let round = 0; round < QUERIES; round++) {
      const id = `o${dice.below(40)}`;
      const text = some();
      texts.set(id, text);
      await write(store.backend, note(id, '', text));
      if (round % 100 === 50) await indexed();
      const asked: WordsTest = { kind: 'words', phrases: [phrase(), ...dice.some(1, phrase)] };
      const expected = [...texts]
        .filter(([, one]) => holdsWords(wordsOf(one).join(' '), asked))
        .map(([one]) => one);
      const described = JSON.stringify({ asked, text });
      expect(await found(holding('_content', ...asked.phrases)), described).toEqual(expected.sort());
    }
  });
});
