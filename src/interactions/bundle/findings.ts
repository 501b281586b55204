/**
 * What is wrong with a bundle's entries, gathered so that all of it is answered at once.
 * https://hl7.org/fhir/R4/http.html#transaction-response
 *
 * Invariant: every issue names its entry: `Bundle.entry[3].resource.name[0]`.
 */
import { type Issue, Refusal, type RefusalKind } from '../../fhir/outcome.js';

/** Issues kept; of more, only their number is told. */
const LIMIT = 500;

/** A FHIRPath expression that begins with a resource's type, as validation and patches give them. */
const FROM_TYPE = /^[A-Z][A-Za-z]*(?=$|[.[])/;

export class Findings {
  readonly #issues: Issue[] = [];
  readonly #kinds = new Set<RefusalKind>();
  #more = 0;

  add(kind: RefusalKind, issues: readonly Issue[]): void {
    this.#kinds.add(kind);
    for (const issue of issues) {
      if (this.#issues.length < LIMIT) this.#issues.push(issue);
      else this.#more++;
    }
  }

  /** Keeps a refusal of this entry; other errors go on. Undefined where it was refused. */
  attempt<T>(entry: number, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#keep(entry, error);
      return undefined;
    }
  }

  async attemptAsync<T>(entry: number, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#keep(entry, error);
      return undefined;
    }
  }

  /** Throws what was found. Findings of one kind keep their status; a mixture is a 400. */
  refuse(): void {
    const [kind, ...others] = this.#kinds;
    if (kind === undefined) return;
    const more: Issue[] = this.#more === 0 ? [] : [moreIssue(this.#more)];
    throw new Refusal(others.length === 0 ? kind : 'transaction-invalid', [...this.#issues, ...more]);
  }

  #keep(entry: number, error: unknown): void {
    if (!(error instanceof Refusal)) throw error;
    this.add(error.kind, inEntry(entry, error.issues));
  }
}

/** Issues as they are told of the whole bundle. */
function inEntry(entry: number, issues: readonly Issue[]): readonly Issue[] {
  return issues.map((issue) => ({
    ...issue,
    expression: issue.expression?.map((each) => placeIn(entry, each)) ?? [`Bundle.entry[${entry}]`],
  }));
}

/** The same refusal, which now names the entry. */
export function refusalInEntry(entry: number, refusal: Refusal): Refusal {
  return new Refusal(refusal.kind, inEntry(entry, refusal.issues), refusal.headers);
}

/** An expression on an entry's resource, seen from the bundle. */
export function placeIn(entry: number, expression: string): string {
  const place = `Bundle.entry[${entry}]`;
  if (expression.startsWith('Bundle.entry[')) return expression;
  return FROM_TYPE.test(expression) ? expression.replace(FROM_TYPE, `${place}.resource`) : place;
}

function moreIssue(count: number): Issue {
  return {
    severity: 'information',
    code: 'informational',
    text: `There is more of this kind: ${count} issues are left out here.`,
  };
}
