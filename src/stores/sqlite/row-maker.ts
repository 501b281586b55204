/**
 * The index rows of a resource, made of the lines in which its values arrive. What a line comes to is remembered:
 * most values of a store (codes, categories, patients) are met again and again.
 *
 * Invariant: rows without repetition, grouped by parameter; spans and repetitions are noted with the parameter.
 */
import { OPEN_END } from '../../fhir/search/index-value.js';
import type { Param } from './catalogue.js';
import { GenerationCache } from './generation-cache.js';
import { isRange, type Row, rowText, valueRows } from './index-rows.js';
import type { Interner } from './interner.js';
import { isDateLine, linesOf, valueOfLine } from './wire-values.js';

export interface ParamRows {
  readonly param: number;
  readonly rows: readonly Row[];
  /** The rows as they stand in index_entry, without brackets. */
  readonly text: string;
}

export interface ResourceRows {
  readonly params: readonly ParamRows[];
  /** The text of index_entry. */
  readonly text: string;
  /** lo of the primary date; undefined where there is none. */
  readonly primaryLo: number | undefined;
}

interface LineRows {
  readonly param: Param;
  readonly code: string;
  readonly rows: readonly Row[];
  readonly texts: readonly string[];
  /** Of a range. */
  readonly span: number | undefined;
}

/** Of one parameter; copied when a second line comes. */
interface Gathered {
  rows: readonly Row[];
  texts: readonly string[];
}

const REMEMBERED_LINES = 20_000;

export class RowMaker {
  readonly #interner: Interner;
  readonly #lines = new Map<number, GenerationCache<string, LineRows>>();

  constructor(interner: Interner) {
    this.#interner = interner;
  }

  /** After a rollback: integers that were given may be gone. */
  forget(): void {
    this.#lines.clear();
  }

  /** `primaryDate`: the code of the type's primary date. */
  make(type: number, lines: string, primaryDate: string | undefined): ResourceRows {
    const gathered = new Map<number, Gathered>();
    let primaryLo: number | undefined;
    for (const line of linesOf(lines)) {
      const made = this.#line(type, line);
      const { param, rows, texts, span } = made;
      const group = gathered.get(param.id);
      if (group === undefined) gathered.set(param.id, { rows, texts });
      else gather(group, made);
      if (span === undefined) continue;
      const repeats = group !== undefined && group.rows.length > 1;
      if (span > param.maxSpan || (repeats && !param.repeats))
        this.#interner.widen(type, made.code, span, repeats);
      if (made.code === primaryDate)
        primaryLo = Math.min(primaryLo ?? Number.POSITIVE_INFINITY, lowEnd(rows));
    }
    const params: ParamRows[] = [];
    let text = '';
    for (const [param, group] of gathered) {
      const inner = group.texts.length === 1 ? (group.texts[0] ?? '') : group.texts.join(',');
      params.push({ param, rows: group.rows, text: inner });
      text += `${text === '' ? '' : ','}"${param}":[${inner}]`;
    }
    text = `{${text}}`;
    return { params, text, primaryLo };
  }

  #line(type: number, line: string): LineRows {
    // Times seldom come twice; they would only push others out.
    if (isDateLine(line)) return this.#read(type, line);
    let known = this.#lines.get(type);
    if (known === undefined) {
      known = new GenerationCache(REMEMBERED_LINES);
      this.#lines.set(type, known);
    }
    const remembered = known.get(line);
    if (remembered !== undefined) return remembered;
    // A line is a slice of its resource's lines, and would keep all of them in memory.
    const own = ` ${line}`.slice(1);
    const made = this.#read(type, own);
    known.set(own, made);
    return made;
  }

  #read(type: number, line: string): LineRows {
    const value = valueOfLine(line);
    const rows = valueRows(this.#interner, value);
    return {
      param: this.#interner.param(type, value.param),
      code: value.param,
      rows,
      texts: rows.map(rowText),
      span: spanOf(rows),
    };
  }
}

function gather(group: Gathered, made: LineRows): void {
  const rows = [...group.rows];
  const texts = [...group.texts];
  for (const [at, text] of made.texts.entries()) {
    if (texts.includes(text)) continue;
    texts.push(text);
    rows.push(made.rows[at] as Row); // each row has its text
  }
  group.rows = rows;
  group.texts = texts;
}

function spanOf([row]: readonly Row[]): number | undefined {
  if (row === undefined || !isRange(row)) return undefined;
  const [lo = 0, hi = 0] = row;
  return lo <= -OPEN_END || hi >= OPEN_END ? Number.POSITIVE_INFINITY : hi - lo;
}

function lowEnd([row]: readonly Row[]): number {
  return row !== undefined && isRange(row) ? (row[0] ?? 0) : 0;
}
