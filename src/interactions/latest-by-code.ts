/**
 * The latest observations of each code, while observations are gone through one by one.
 * https://hl7.org/fhir/R4/observation-operation-lastn.html
 *
 *   codes of three observations     groups
 *   a · b · a,c                     {a, c} {b}       one coding in common is enough, and that carries on
 *   "Text" · "text"                 two              texts count where there is no coding, as they are written
 *
 * Invariant: which observations are kept does not depend on the order in which they come; no more are kept than are to be
 * answered, if need be with those that are as late as the last of them.
 */
import { isObject, type JsonValue, type ResourceObject } from '../fhir/format/json.js';

export interface Dated<T> {
  readonly item: T;
  /** When the observation was made, milliseconds; undefined = it does not say. */
  readonly date: number | undefined;
  readonly lastUpdated: number;
}

interface Group<T> {
  /** The latest first. */
  latest: Dated<T>[];
  codes: string[];
}

export class LatestByCode<T> {
  readonly #max: number;
  /** The groups, in the order in which they came up, and the group of every code. */
  readonly #groups = new Set<Group<T>>();
  readonly #byCode = new Map<string, Group<T>>();
  #kept = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** How many are kept. */
  get size(): number {
    return this.#kept;
  }

  add(codes: readonly string[], one: Dated<T>): void {
    const known = new Set(codes.map((code) => this.#byCode.get(code)).filter((group) => group !== undefined));
    const [first, ...others] = known;
    const group = first ?? { latest: [], codes: [] };
    if (first === undefined) this.#groups.add(group);
    for (const other of others) this.#merge(group, other);
    for (const code of codes) {
      if (this.#byCode.get(code) === group) continue;
      this.#byCode.set(code, group);
      group.codes.push(code);
    }
    this.#keep(group, [one]);
  }

  /** Group after group, the one with the latest observation first; in a group the latest first. */
  all(): readonly T[] {
    const groups = [...this.#groups].map(({ latest }) => latest);
    groups.sort((left, right) => compare(left[0], right[0]));
    return groups.flatMap((latest) => latest.map(({ item }) => item));
  }

  #merge(group: Group<T>, other: Group<T>): void {
    for (const code of other.codes) this.#byCode.set(code, group);
    group.codes.push(...other.codes);
    this.#groups.delete(other);
    this.#kept -= other.latest.length;
    this.#keep(group, other.latest);
  }

  #keep(group: Group<T>, more: readonly Dated<T>[]): void {
    const before = group.latest.length;
    const last = group.latest[this.#max - 1];
    const worthy =
      last === undefined ? more : more.filter((one) => compare(one, last) < 0 || isTie(one, last));
    if (worthy.length === 0) return;
    const all = [...group.latest, ...worthy].sort(compare);
    const end = all[this.#max - 1];
    group.latest = end === undefined ? all : all.filter((one, at) => at < this.#max || isTie(one, end));
    this.#kept += group.latest.length - before;
  }
}

/** Negative: `a` is the later one. What has no date comes last. */
function compare(a: Dated<unknown> | undefined, b: Dated<unknown> | undefined): number {
  const [left, right] = [a?.date ?? Number.NEGATIVE_INFINITY, b?.date ?? Number.NEGATIVE_INFINITY];
  if (left !== right) return left < right ? 1 : -1;
  return (b?.lastUpdated ?? 0) - (a?.lastUpdated ?? 0);
}

/** Which of two observations of the same time is the last one cannot be said: both are. */
function isTie(one: Dated<unknown>, last: Dated<unknown>): boolean {
  return one.date !== undefined && one.date === last.date;
}

/** What an observation is grouped by: its codings, else its text. */
export function codesOf({ code }: ResourceObject): readonly string[] {
  const { coding, text }: { readonly [name: string]: JsonValue } = isObject(code) ? code : {};
  const codings = (Array.isArray(coding) ? coding : [])
    .filter(isObject)
    .filter((one) => typeof one.code === 'string')
    .map((one) => `coding ${String(one.system ?? '')}|${String(one.code)}`);
  return codings.length > 0 ? codings : [`text ${typeof text === 'string' ? text : ''}`];
}
