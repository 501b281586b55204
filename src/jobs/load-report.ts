/**
 * What a load tells: what went in, what was refused and why.
 *
 * Invariant: a refusal names file, line and element, and quotes nothing of the resource.
 */
import { isObject, type JsonValue } from '../fhir/format/json.js';
import { parseJson } from '../fhir/format/parse.js';
import type { Refusal } from '../fhir/outcome.js';
import type { EntryAnswer } from '../interactions/bundle/answer.js';
import type { LoadFile } from './load-inputs.js';

export interface LoadRefusal {
  readonly file: string;
  /** Of NDJSON; undefined for whole files. */
  readonly line?: number;
  /** One sentence per problem, with the place in the document where there is one. */
  readonly reasons: readonly string[];
}

export interface LoadProgress {
  /** Bytes read from disk. */
  readonly bytes: number;
  readonly resources: number;
  readonly refused: number;
}

export interface LoadListener {
  progress(progress: LoadProgress): void;
  refused(refusal: LoadRefusal): void;
  /** An earlier load of the same file went through. */
  skipped(file: LoadFile): void;
}

export interface LoadSummary {
  /** Resources stored (or, in a dry run, checked), by type. */
  readonly stored: ReadonlyMap<string, number>;
  /** Conditional creates that found their resource there already. */
  readonly found: number;
  /** Transactions, and entries of batches, that an interrupted load had stored already. */
  readonly repeated: number;
  /** Resources and bundles that were refused. */
  readonly refused: number;
  /** Files left out because they are in already. */
  readonly skippedFiles: number;
}

/** What became of one piece of the load. */
export interface PieceResult {
  readonly stored: ReadonlyMap<string, number>;
  readonly found: number;
  readonly repeated: number;
  readonly refusals: readonly LoadRefusal[];
}

export const NOTHING: PieceResult = { stored: new Map(), found: 0, repeated: 0, refusals: [] };

/** Problems told of one document; of more, only their number. */
const REASONS = 10;

export function reasonsOf(refusal: Refusal): readonly string[] {
  return shortened(refusal.issues.map(({ text, expression = [] }) => sentence(text, expression)));
}

/** The reasons in an OperationOutcome that an entry was answered with. */
export function answeredReasons({ response }: EntryAnswer, entry: number): readonly string[] {
  const outcome =
    response.body === undefined ? null : parseJson(Buffer.concat(response.body).toString('utf8'));
  const issues = isObject(outcome) && Array.isArray(outcome.issue) ? outcome.issue : [];
  const place = `Bundle.entry[${entry}]`;
  const reasons = issues.filter(isObject).map(({ details, expression }) => {
    const text = isObject(details) && typeof details.text === 'string' ? details.text : '';
    return sentence(text, texts(expression));
  });
  return reasons.length === 0
    ? [`It was answered with status ${response.status} (${place})`]
    : shortened(reasons);
}

export function tally(types: Iterable<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const type of types) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}

function shortened(reasons: readonly string[]): readonly string[] {
  if (reasons.length <= REASONS) return reasons;
  return [...reasons.slice(0, REASONS), `… and ${reasons.length - REASONS} more`];
}

function sentence(text: string, expressions: readonly string[]): string {
  return expressions.length === 0 ? text : `${text} (${expressions.join(', ')})`;
}

function texts(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
