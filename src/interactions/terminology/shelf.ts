/**
 * Stored ValueSets or CodeSystems, by canonical, parsed and kept.
 * https://hl7.org/fhir/R4/references.html#canonical
 *
 * Invariants: which resources have a url, which version of each is current, and whether it may be seen, is asked of the
 * backend every time; what is kept is what was parsed of a version. Of several resources with one url the latest version
 * is meant, and one that is not retired before one that is.
 */
import type { ResourceObject } from '../../fhir/format/json.js';
import { parseCanonical } from '../../fhir/reference.js';
import type { Predicate } from '../../fhir/search/query.js';
import { tokenTests } from '../../fhir/search/token-code.js';
import { allOf, anyOf } from '../../fhir/search/tree.js';
import { refused } from '../../fhir/terminology/refusals.js';
import type { AccessFilter } from '../../ports/access-filter.js';
import type { Backend, Position } from '../../ports/backend.js';
import { parseStored } from '../projected.js';
import { WeighedCache } from './weighed-cache.js';

export interface Edition<T> {
  /** `ValueSet/1/_history/2`: another text, other content. */
  readonly name: string;
  readonly content: T;
}

/** What is made of a resource; undefined where it holds no codes, as if it were not there. */
export type Parse<T> = (
  resource: ResourceObject,
) => { readonly content: T; readonly weight: number } | undefined;

interface Candidate<T> {
  readonly edition: Edition<T>;
  readonly version: string;
  readonly isRetired: boolean;
  readonly position: Position;
}

/** Resources of one url that are looked at. */
const MAX_CANDIDATES = 50;
/** Codes that are kept parsed: some tens of megabytes. */
const MAX_KEPT = 200_000;

export class Shelf<T> {
  readonly #parsed = new WeighedCache<Candidate<T>>(MAX_KEPT);

  constructor(
    private readonly type: 'ValueSet' | 'CodeSystem',
    private readonly backend: Backend,
    private readonly parse: Parse<T>,
  ) {}

  async byCanonical(canonical: string, access: AccessFilter): Promise<Edition<T> | undefined> {
    const { url, version } = parseCanonical(canonical);
    const ids = await this.backend.resolve(this.type, named(url, version), access, MAX_CANDIDATES + 1);
    if (ids.length > MAX_CANDIDATES) {
      const text = `More than ${MAX_CANDIDATES} ${this.type} resources have the url ${url}: name one by |version.`;
      throw refused('too-costly', text);
    }
    const candidates: Candidate<T>[] = [];
    for (const id of ids) {
      const candidate = await this.#candidate(id, access);
      const fits = version === undefined || candidate?.version === version;
      if (candidate !== undefined && fits) candidates.push(candidate);
    }
    return candidates.sort(byPreference)[0]?.edition;
  }

  async byId(id: string, access: AccessFilter): Promise<Edition<T> | undefined> {
    return (await this.#candidate(id, access))?.edition;
  }

  async #candidate(id: string, access: AccessFilter): Promise<Candidate<T> | undefined> {
    const found = await this.backend.read({ type: this.type, id }, access);
    if (found.kind !== 'found') return undefined;
    const { versionId, position, bytes } = found.resource;
    const name = `${this.type}/${id}/_history/${versionId}`;
    const known = this.#parsed.get(name);
    if (known !== undefined) return known;
    const resource = parseStored(bytes);
    const parsed = this.parse(resource);
    if (parsed === undefined) return undefined;
    const candidate: Candidate<T> = {
      edition: { name, content: parsed.content },
      version: typeof resource.version === 'string' ? resource.version : '',
      isRetired: resource.status === 'retired',
      position,
    };
    this.#parsed.set(name, candidate, parsed.weight);
    return candidate;
  }
}

function named(url: string, version: string | undefined): Predicate {
  const hasUrl: Predicate = { op: 'value', param: 'url', test: { kind: 'uri', mode: 'exact', value: url } };
  if (version === undefined) return hasUrl;
  const tests = tokenTests(['string'], undefined, version);
  return allOf([hasUrl, anyOf(tests.map((test): Predicate => ({ op: 'value', param: 'version', test })))]);
}

function byPreference<T>(left: Candidate<T>, right: Candidate<T>): number {
  return (
    Number(left.isRetired) - Number(right.isRetired) ||
    right.version.localeCompare(left.version, 'en', { numeric: true }) ||
    right.position - left.position
  );
}
