/**
 * All problems of a search, as issues: refused together, or, where lenient handling allows, warned about.
 * https://hl7.org/fhir/R4/search.html#errors
 */
import { type Issue, type IssueSeverity, Refusal } from '../outcome.js';
import type { Problem } from './parameters/problem.js';

/** Names come from the client; a longer one is cut. */
const MAX_NAME = 100;
const MAX_REASONS = 10;

export class Report {
  private readonly refused: Issue[] = [];
  private readonly warned: Issue[] = [];

  constructor(private readonly lenient: boolean) {}

  add(name: string, problem: Problem): void {
    if (this.lenient && problem.ignorable) this.warned.push(issue('warning', name, problem));
    else this.refused.push(issue('error', name, problem));
  }

  /** All problems of one parameter: each reason once, and no more than a reader wants. */
  addAll(name: string, problems: readonly Problem[]): void {
    const serious = problems.filter(({ ignorable }) => !ignorable);
    const chosen = serious.length > 0 ? serious : problems;
    const once = [...new Map(chosen.map((problem) => [problem.reason, problem])).values()];
    for (const problem of once.slice(0, MAX_REASONS)) this.add(name, problem);
  }

  get warnings(): readonly Issue[] {
    return this.warned;
  }

  throwIfRefused(): void {
    if (this.refused.length === 0) return;
    const unknown = this.refused.every(({ code }) => code === 'not-supported');
    throw new Refusal(unknown ? 'unknown-parameter' : 'invalid-parameter', this.refused);
  }
}

function issue(severity: IssueSeverity, name: string, { code, reason, ignorable }: Problem): Issue {
  const left = severity === 'warning' && ignorable ? ' It was left out.' : '';
  const shown = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
  const text = `The search parameter ${shown} ${reason}${/[.?]$/.test(reason) ? '' : '.'}${left}`;
  return { severity, code, text };
}
