/**
 * Decisions where policies look at who asks: rules with a condition (`when`), and searches with {roles} or {careTeams}. What
 * they come to for a person is found out first; what is left are rules like any others, by which access is decided.
 *
 *   who asks (read, remembered a moment) ──▶ policies without conditions and lists ──▶ an ordinary decider of its own
 *
 * Invariants
 * - A rule whose condition is not met, or cannot be evaluated, or whose list is empty or too long, grants nothing.
 * - A decision rests on nothing older than HOLDS: who loses a role or leaves a team loses what they gave within that time, in
 *   every process, and for requests that come after it.
 */
import { GenerationCache } from '../base/generation-cache.js';
import type { Logger } from '../base/log.js';
import type { Definitions } from '../fhir/definitions/definitions.js';
import type { AccessDecision } from '../ports/access-filter.js';
import type { Backend, MaybePromise } from '../ports/backend.js';
import type { Grant } from '../smart/grant.js';
import { writeResourceScope } from '../smart/scope.js';
import { accessDecider, type DecideAccess } from './decider.js';
import { type Policies, type Policy, type Rule, rulesOf } from './policies.js';
import type { Conditions } from './when.js';
import { type Found, whoAsks } from './who-asks.js';

/** As DecideAccess, where who asks may have to be read first. */
export interface AskAccess {
  (grant: Grant, definitions: Definitions, now: number): MaybePromise<AccessDecision>;
  /** Throws, or rejects with, the refusal where the glass may not be broken. */
  inEmergency(
    reason: string,
    grant: Grant,
    definitions: Definitions,
    now: number,
  ): MaybePromise<AccessDecision>;
}

export interface StandingParts {
  readonly policies: Policies;
  /** Of all conditions of the policies (when.ts). */
  readonly conditions: Conditions;
  readonly baseUrl: string;
  /** What is done in an emergency is recorded. */
  readonly isAudited: boolean;
  readonly backend: Backend;
  readonly log: Logger;
}

/** Milliseconds that it is believed who somebody is. */
export const HOLDS = 2_000;
const MOST = 2_000;
const WARN_EVERY = 60_000;
const LISTS = ['{roles}', '{careTeams}'] as const;

/** Where no rule looks at who asks, nothing is read and nothing is waited for. */
export function standingDecider(parts: StandingParts): AskAccess {
  const { policies, baseUrl, isAudited } = parts;
  const looks = rulesOf(policies).some(({ rule }) => looksAtWho(rule));
  if (!looks) return accessDecider(policies, baseUrl, isAudited);
  const standing = new Standing(parts);
  const ask = async (grant: Grant, definitions: Definitions, now: number): Promise<AccessDecision> => {
    const { decide, until } = await standing.of(grant, definitions, now);
    return endingBy(until, decide(grant, definitions, now));
  };
  return Object.assign(ask, {
    inEmergency: async (reason: string, grant: Grant, definitions: Definitions, now: number) => {
      const { decide, until } = await standing.of(grant, definitions, now);
      return endingBy(until, decide.inEmergency(reason, grant, definitions, now));
    },
  });
}

function endingBy(until: number, decision: AccessDecision): AccessDecision {
  return { ...decision, until: Math.min(until, decision.until ?? until) };
}

/** What was found out of somebody. */
interface Held {
  readonly decide: DecideAccess;
  /** Milliseconds since 1970. */
  readonly until: number;
}

class Standing {
  readonly #parts: StandingParts;
  /** By who asks; one reading for all that ask at once. */
  readonly #held = new GenerationCache<string, { readonly held: Promise<Held>; readonly until: number }>(
    MOST,
  );
  /** By the rules that are left. */
  readonly #deciders = new GenerationCache<string, DecideAccess>(MOST);
  /** Places, and when they were last warned of. */
  readonly #warned = new Map<string, number>();

  constructor(parts: StandingParts) {
    this.#parts = parts;
  }

  of(grant: Grant, definitions: Definitions, now: number): Promise<Held> {
    const key = keyOf(grant);
    const known = this.#held.get(key);
    if (known !== undefined && now < known.until) return known.held;
    const until = now + HOLDS;
    const held = this.#find(grant, definitions, now).then((decide): Held => ({ decide, until }));
    this.#held.set(key, { held, until });
    // Whoever waits for it hears of the failure; the next one asks anew.
    held.catch(() => this.#held.delete(key));
    return held;
  }

  async #find(grant: Grant, definitions: Definitions, now: number): Promise<DecideAccess> {
    const { policies, baseUrl, backend, isAudited } = this.#parts;
    const knowledge = { definitions, baseUrl, now };
    const found =
      grant.user === undefined
        ? NOBODY
        : await whoAsks(grant.user, this.#wanted(grant.user.roles), knowledge, backend);
    const left = this.#left(policies, grant, found, now);
    const key = JSON.stringify(left);
    const known = this.#deciders.get(key) ?? accessDecider(left, baseUrl, isAudited);
    this.#deciders.set(key, known);
    return known;
  }

  /** What the rules of these roles look at. */
  #wanted(roles: readonly string[]): { readonly roles: boolean; readonly careTeams: boolean } {
    const { policies, conditions } = this.#parts;
    const rules = roles.flatMap((role) =>
      Object.hasOwn(policies.roles, role) ? (policies.roles[role]?.rules ?? []) : [],
    );
    const names = (name: 'roles' | 'careTeams'): boolean =>
      rules.some((rule) => {
        const { when } = rule;
        return (
          searchesOf(rule).includes(`{${name}}`) ||
          (when !== undefined && conditions.get(when)?.variables.has(name) === true)
        );
      });
    return { roles: names('roles'), careTeams: names('careTeams') };
  }

  /** The policies of who asks, without conditions and lists. Other people's rules are left out: nobody asks for them. */
  #left({ clients, roles }: Policies, grant: Grant, found: Found, now: number): Policies {
    const left = (place: string, policy: Policy): Policy => ({
      ...policy,
      rules: policy.rules.flatMap((rule, at) =>
        this.#isMet(rule, `${place}.rules[${at}].when`, grant, found, now) ? filled(rule, found) : [],
      ),
    });
    const own = (grant.user?.roles ?? []).filter((role) => Object.hasOwn(roles, role));
    return {
      clients: grant.user === undefined ? left('access.clients', clients) : { rules: [], withhold: [] },
      roles: Object.fromEntries(
        own.map((role) => [role, left(`access.roles.${role}`, roles[role] as Policy)]), // it has it
      ),
    };
  }

  #isMet({ when }: Rule, place: string, grant: Grant, found: Found, now: number): boolean {
    if (when === undefined) return true;
    const condition = this.#parts.conditions.get(when);
    if (condition === undefined) throw new Error(`${place} was never compiled`);
    const missing = (['roles', 'careTeams'] as const).find(
      (name) => condition.variables.has(name) && found[name] === undefined,
    );
    if (missing !== undefined) {
      this.#warn(place, `there are too many %${missing}`, now);
      return false;
    }
    try {
      return condition.holds({
        own: found.own === undefined ? undefined : found.own.parse(),
        roles: (found.roles ?? []).map((role) => role.parse()),
        careTeams: (found.careTeams ?? []).map((team) => team.parse()),
        client: grant.clientId,
        scopes: grant.scopes.map(writeResourceScope),
      });
    } catch {
      // What the library says may hold what it was evaluated on: it is not told.
      this.#warn(place, 'it could not be evaluated', now);
      return false;
    }
  }

  #warn(place: string, problem: string, now: number): void {
    if (now - (this.#warned.get(place) ?? Number.NEGATIVE_INFINITY) < WARN_EVERY) return;
    this.#warned.set(place, now);
    this.#parts.log.warn({ place, problem }, 'a condition of the access policies granted nothing');
  }
}

/** A client that acts for itself. */
const NOBODY: Found = { own: undefined, roles: [], careTeams: [] };

function looksAtWho(rule: Rule): boolean {
  return rule.when !== undefined || LISTS.some((list) => searchesOf(rule).includes(list));
}

function searchesOf({ where = '', patients = '' }: Rule): string {
  return `${where} ${patients}`;
}

/** The rule with its lists filled in, without its condition; none where a list that it needs is empty. */
function filled({ when: _, ...rule }: Rule, { roles = [], careTeams = [] }: Found): readonly Rule[] {
  const fillings = {
    '{roles}': roles.map(({ id }) => `PractitionerRole/${id}`).join(','),
    '{careTeams}': careTeams.map(({ id }) => id).join(','),
  };
  if (LISTS.some((list) => searchesOf(rule).includes(list) && fillings[list] === '')) return [];
  const fill = (search: string): string =>
    LISTS.reduce((text, list) => text.replaceAll(list, fillings[list]), search);
  return [
    {
      ...rule,
      ...(rule.where === undefined ? {} : { where: fill(rule.where) }),
      ...(rule.patients === undefined ? {} : { patients: fill(rule.patients) }),
    },
  ];
}

/** All that conditions are evaluated on, and by whom. */
function keyOf({ clientId, scopes, user }: Grant): string {
  return JSON.stringify([
    clientId,
    user === undefined ? null : [user.fhirUser.type, user.fhirUser.id, ...user.roles],
    scopes.map(writeResourceScope),
  ]);
}
