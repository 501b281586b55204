/**
 * `_text` and `_content` as conditions: the full-text index for what it has come to know, the content itself for the few
 * versions that were written since.
 */
import { isContainedType } from '../../../fhir/search/contained.js';
import type { WordsTest } from '../../../fhir/search/query.js';
import { holdsWords, resourceWords } from '../../../fhir/search/words.js';
import { parseResource } from '../moment.js';
import { type Fragment, raw, sql } from './fragment.js';
import type { Scope } from './scope.js';

const COLUMNS = { _text: 'narrative', _content: 'content' } as const;

/** A parameter that is searched by words. */
export type WordsParam = keyof typeof COLUMNS;

/** The words of contained resources are those of what contains them. */
export function isWordsParam(param: string, type: string): param is WordsParam {
  return Object.hasOwn(COLUMNS, param) && !isContainedType(type);
}

/** Words are letters and digits, and need no escapes between the quotes. */
function matchText(param: WordsParam, { phrases }: WordsTest): string {
  const terms = phrases.map(({ words, begins }) => (begins ? `"${words}" *` : `"${words}"`));
  return `${COLUMNS[param]} : (${terms.join(' AND ')})`;
}

/** The resource under a rid holds the words. */
export function wordsProbe(scope: Scope, param: WordsParam, test: WordsTest, rid: Fragment): Fragment {
  const indexed = sql`EXISTS (SELECT 1 FROM full_text WHERE full_text MATCH ${matchText(param, test)} AND rowid = ${rid})`;
  if (!scope.isFullTextBehind) return indexed;
  const position = sql`(SELECT position FROM resource WHERE rid = ${rid})`;
  return sql`CASE WHEN ${position} <= ${scope.fullTextPosition} THEN ${indexed}
    ELSE ${contentHolds(scope, param, test, position)} END`;
}

/** Rows of (rid, date), and the columns that these are made of. */
export interface WordsRows {
  readonly select: Fragment;
  readonly rid: Fragment;
  readonly date: Fragment;
}

/**
 * The type's resources that hold the words, whether the index knows that or not. Those of the index can be read in the order of
 * their rids at no cost; of those that it does not know yet there are few.
 */
export function wordsRows(
  scope: Scope,
  type: number | null,
  param: WordsParam,
  test: WordsTest,
): readonly WordsRows[] {
  const select = sql`SELECT r.rid, r.sort_date AS date FROM full_text f CROSS JOIN resource r ON r.rid = f.rowid
    WHERE f.full_text MATCH ${matchOfType(type, param, test)} AND r.live = 1`;
  const indexed = { rid: raw('f.rowid'), date: raw('r.sort_date') };
  if (!scope.isFullTextBehind) return [{ select, ...indexed }];
  const fresh = sql`SELECT n.rid, n.sort_date AS date FROM resource n INDEXED BY resource_position
    WHERE n.type = ${type} AND n.live = 1 AND n.position > ${scope.fullTextPosition}
    AND ${contentHolds(scope, param, test, raw('n.position'))}`;
  return [
    { select: sql`${select} AND r.position <= ${scope.fullTextPosition}`, ...indexed },
    { select: fresh, rid: raw('n.rid'), date: raw('n.sort_date') },
  ];
}

/** At least as many rows, without a look at the resources. */
export function roughWordsSet(
  scope: Scope,
  type: number | null,
  param: WordsParam,
  test: WordsTest,
): Fragment {
  const indexed = sql`SELECT rowid AS rid FROM full_text WHERE full_text MATCH ${matchOfType(type, param, test)}`;
  if (!scope.isFullTextBehind) return indexed;
  return sql`${indexed} UNION ALL SELECT n.rid FROM resource n INDEXED BY resource_position
    WHERE n.type = ${type} AND n.live = 1 AND n.position > ${scope.fullTextPosition}`;
}

function matchOfType(type: number | null, param: WordsParam, test: WordsTest): string {
  return `(${matchText(param, test)}) AND type : "${type}"`;
}

function contentHolds(scope: Scope, param: WordsParam, test: WordsTest, position: Fragment): Fragment {
  scope.connection.define('holds_words', holdsWordsOf);
  const asked = JSON.stringify([COLUMNS[param], test]);
  return sql`holds_words((SELECT w.bytes FROM version w WHERE w.position = ${position}), ${asked})`;
}

function holdsWordsOf(bytes: unknown, asked: unknown): number {
  if (!Buffer.isBuffer(bytes) || typeof asked !== 'string') return 0;
  const [column, test] = JSON.parse(asked) as ['narrative' | 'content', WordsTest]; // written by contentHolds
  return holdsWords(resourceWords(parseResource(bytes))[column], test) ? 1 : 0;
}
