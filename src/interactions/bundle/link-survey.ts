/**
 * A first look at the links of a transaction's resources: which resources refer to other entries of the bundle, and
 * which conditional references (`Practitioner?identifier=…`) there are.
 * https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
 *
 * Invariant: resources in which there is nothing to rewrite are walked once and never again; equal conditional references
 * are one.
 */
import type { ResourceObject } from '../../fhir/format/json.js';
import { Refusal } from '../../fhir/outcome.js';
import { parseReference } from '../../fhir/reference.js';
import { type Link, rewriteLinks } from '../../fhir/reference-walk.js';
import type { Predicate } from '../../fhir/search/query.js';
import { criteriaOf } from '../condition.js';
import type { Context } from '../context.js';
import type { EntryRequest } from './entry-request.js';
import type { Findings } from './findings.js';

export interface ConditionalReference {
  readonly text: string;
  readonly type: string;
  readonly where: Predicate;
  /** Where it stands first. */
  readonly entry: number;
  readonly path: string;
}

export interface EntryLinks {
  /** Something in the resource may have to be rewritten. */
  readonly rewritten: boolean;
  /** What relative references are relative to: `http://example.org/fhir`. */
  readonly base: string;
}

/** A link to an entry: what was meant and what follows it. */
export interface EntryLink {
  readonly fullUrl: string;
  /** `_history/…` or '' */
  readonly version: string;
  /** `#…` or '' */
  readonly fragment: string;
}

const VERSIONED = /^(.+)\/_history\/[A-Za-z0-9\-.]{1,64}$/;
const RELATIVE = /^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?(?:#.*)?$/;
const REST_URL = /^(https?:\/\/.+)\/[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/;

/**
 * The entry that a link points to. The server replaces references, uris and narrative links; canonicals are names,
 * which stay as they are.
 */
export function entryLink(
  { text, kind }: Link,
  base: string,
  names: { has(fullUrl: string): boolean },
): EntryLink | undefined {
  if (kind === 'canonical') return undefined;
  const whole = kind === 'reference' && RELATIVE.test(text) ? `${base}/${text}` : text;
  if (names.has(whole)) return { fullUrl: whole, version: '', fragment: '' };
  const hash = whole.indexOf('#');
  const address = hash < 0 ? whole : whole.slice(0, hash);
  const fragment = hash < 0 ? '' : whole.slice(hash);
  if (names.has(address)) return { fullUrl: address, version: '', fragment };
  // Nearly all links end here; most are the systems of codes.
  if (!address.includes('/_history/')) return undefined;
  const fullUrl = VERSIONED.exec(address)?.[1];
  if (fullUrl === undefined || !names.has(fullUrl)) return undefined;
  return { fullUrl, version: address.slice(fullUrl.length + '/_history/'.length), fragment };
}

export class LinkSurvey {
  readonly #conditional = new Map<string, ConditionalReference>();

  constructor(
    private readonly names: ReadonlySet<string>,
    private readonly context: Context,
    private readonly findings: Findings,
  ) {}

  get conditionalReferences(): readonly ConditionalReference[] {
    return [...this.#conditional.values()];
  }

  take(resource: ResourceObject, { index, fullUrl }: EntryRequest): EntryLinks {
    const base = REST_URL.exec(fullUrl ?? '')?.[1] ?? this.context.baseUrl;
    let rewritten = false;
    rewriteLinks(resource, this.context.knowledge.definitions, (link) => {
      if (this.#isConditional(link, index) || entryLink(link, base, this.names) !== undefined)
        rewritten = true;
      return undefined;
    });
    return { rewritten, base };
  }

  #isConditional(link: Link, entry: number): boolean {
    if (link.kind !== 'reference' || !link.text.includes('?')) return false;
    const { text, path } = link;
    if (this.#conditional.has(text)) return true;
    const reference = parseReference(text, this.context.baseUrl);
    if (reference.kind !== 'conditional') return false;
    const { type, query } = reference;
    const where = this.findings.attempt(entry, () => this.#criteria(type, query));
    if (where !== undefined) this.#conditional.set(text, { text, type, where, entry, path });
    return true;
  }

  #criteria(type: string, query: string): Predicate {
    if (!this.context.knowledge.definitions.resourceTypes.has(type)) {
      throw new Refusal(
        'unknown-type',
        'A conditional reference names a type that is no resource type of R4.',
      );
    }
    return criteriaOf(query, type, this.context, 'A conditional reference');
  }
}
