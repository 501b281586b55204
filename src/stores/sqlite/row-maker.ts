/**
 * The index rows of a resource, made of the lines in which its values arrive. What a line comes to is remembered:
 * most values of a store (codes, categories, patients) are met again and again.
 *
 * Invariant: rows without repetition, grouped by parameter; spans and repetitions are noted with the parameter.
 */
import { OPEN_END } from '../../fhir/search/index-value.js';
import type { Param } from './catalogue.js';
import { isRange, type Row, rangesOf, rowText, valueRows } from './index-rows.js';
import type { Interner } from './interner.js';
import { PAIR, PAIR_REFERENCE, PAIR_TOKEN, pairKey } from './pair-key.js';
import {
  type ContainedLines,
  containedOfLine,
  isContainedLine,
  isDateLine,
  linesOf,
  valueOfLine,
} from './wire-values.js';

export interface ParamRows {
  readonly param: number;
  readonly rows: readonly Row[];
  /** The rows as they stand in index_entry, without brackets. */
  readonly text: string;
  /** That there are any is a key of the index (PRESENT in index-rows.ts). */
  readonly present: boolean;
}

export interface ResourceRows {
  readonly params: readonly ParamRows[];
  /** The text of index_entry. */
  readonly text: string;
  /** lo of the primary date; undefined where there is none. */
  readonly primaryLo: number | undefined;
  /** What the resource contains, rows of its own to be made of it. */
  readonly contained: readonly ContainedLines[];
}

const NONE: readonly ContainedLines[] = [];

interface LineRows {
  readonly param: Param;
  readonly code: string;
  readonly rows: readonly Row[];
  readonly texts: readonly string[];
  /** Of a range. */
  readonly span: number | undefined;
}

/** Of one parameter; nearly all have one line, whose rows are taken as they are. */
type Gathered = Pick<LineRows, 'rows' | 'texts'> | SeveralLines;

class SeveralLines {
  readonly rows: Row[];
  readonly texts: string[];
  readonly #known: Set<string>;

  constructor({ rows, texts }: Pick<LineRows, 'rows' | 'texts'>) {
    this.rows = [...rows];
    this.texts = [...texts];
    this.#known = new Set(texts);
  }

  add({ rows, texts }: LineRows): void {
    for (let at = 0; at < texts.length; at++) {
      const text = texts[at] as string; // below the length
      if (this.#known.has(text)) continue;
      this.#known.add(text);
      this.texts.push(text);
      this.rows.push(rows[at] as Row); // each text is that of a row
    }
  }
}

const REMEMBERED_LINES = 40_000;

/** Of all types together, in two generations as in GenerationCache. */
class RememberedLines {
  #young = new Map<number, Map<string, LineRows>>();
  #old = new Map<number, Map<string, LineRows>>();
  #size = 0;

  get(type: number, line: string): LineRows | undefined {
    const young = this.#young.get(type)?.get(line);
    if (young !== undefined) return young;
    const old = this.#old.get(type)?.get(line);
    if (old !== undefined) this.set(type, ownText(line), old);
    return old;
  }

  /** `line` must be new to the young generation. */
  set(type: number, line: string, rows: LineRows): void {
    if (this.#size === REMEMBERED_LINES) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#size = 0;
    }
    this.#size++;
    const lines = this.#young.get(type);
    if (lines === undefined) this.#young.set(type, new Map([[line, rows]]));
    else lines.set(line, rows);
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#size = 0;
  }
}

export class RowMaker {
  readonly #interner: Interner;
  readonly #lines = new RememberedLines();

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
    let primary: number | undefined;
    let reference: number | undefined;
    let token: number | undefined;
    let contained = NONE;
    for (const line of linesOf(lines)) {
      if (isContainedLine(line)) {
        contained = [...contained, containedOfLine(line)];
        continue;
      }
      const made = this.#line(type, line);
      const { param, rows, span } = made;
      const group = gathered.get(param.id);
      if (group === undefined) gathered.set(param.id, made);
      else gathered.set(param.id, joined(group, made));
      if (made.code === PAIR_REFERENCE) reference = param.id;
      else if (made.code === PAIR_TOKEN) token = param.id;
      if (span === undefined) continue;
      const repeats = group !== undefined && (gathered.get(param.id)?.rows.length ?? 0) > 1;
      if (span > param.maxSpan || (repeats && !param.repeats))
        this.#interner.widen(type, made.code, span, repeats);
      if (made.code !== primaryDate) continue;
      primary = param.id;
      primaryLo = Math.min(primaryLo ?? Number.POSITIVE_INFINITY, lowEnd(rows));
    }
    if (reference !== undefined && token !== undefined) {
      const pairs = pairsOf(gathered.get(reference), gathered.get(token));
      gathered.set(this.#interner.param(type, PAIR).id, pairs);
    }
    const params: ParamRows[] = [];
    let text = '';
    for (const [param, group] of gathered) {
      const inner = group.texts.length === 1 ? (group.texts[0] ?? '') : group.texts.join(',');
      const present = param !== primary && group.rows.some(isRange);
      params.push({ param, rows: group.rows, text: inner, present });
      text += `${text === '' ? '' : ','}"${param}":[${inner}]`;
    }
    text = `{${text}}`;
    return { params, text, primaryLo, contained };
  }

  #line(type: number, line: string): LineRows {
    // Times seldom come twice; they would only push others out.
    if (isDateLine(line)) return this.#read(type, line);
    const remembered = this.#lines.get(type, line);
    if (remembered !== undefined) return remembered;
    const own = ownText(line);
    const made = this.#read(type, own);
    this.#lines.set(type, own, made);
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

/** Both parameters have keys alone. */
function pairsOf(references: Gathered | undefined, tokens: Gathered | undefined): Gathered {
  const keys = new Set(keysOf(references).flatMap((rid) => keysOf(tokens).map((term) => pairKey(rid, term))));
  return { rows: [...keys], texts: [...keys].map(rowText) };
}

function keysOf(group: Gathered | undefined): readonly number[] {
  const rows: readonly Row[] = group?.rows ?? [];
  return rows.filter((row) => typeof row === 'number');
}

/** A copy: a line is a slice of its resource's lines, and would keep all of them in memory. */
function ownText(line: string): string {
  return ` ${line}`.slice(1);
}

function joined(group: Gathered, made: LineRows): SeveralLines {
  const several = group instanceof SeveralLines ? group : new SeveralLines(group);
  several.add(made);
  return several;
}

function spanOf([row]: readonly Row[]): number | undefined {
  if (row === undefined || !isRange(row)) return undefined;
  const spans = rangesOf(row).map(([, lo, hi]) =>
    lo <= -OPEN_END || hi >= OPEN_END ? Number.POSITIVE_INFINITY : hi - lo,
  );
  return Math.max(...spans);
}

function lowEnd([row]: readonly Row[]): number {
  return row !== undefined && isRange(row) ? (row[0] ?? 0) : 0;
}
