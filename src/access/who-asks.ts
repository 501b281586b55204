/**
 * The resources that say who asks: the person's own, the roles that it has now and the teams that it is in now.
 * https://hl7.org/fhir/R4/practitionerrole.html, https://hl7.org/fhir/R4/careteam.html
 *
 *   role   PractitionerRole of the Practitioner, `active` not false, its period holding now
 *   team   CareTeam `active`, its period holding now, with a participant, holding now, that is the person or one of its roles
 *
 * They are read whoever may see them: it is the server that asks, not the person.
 *
 * Invariant: a list that is longer than is read, or cannot be read, is absent: what rests on it grants nothing.
 */
import { dateRange } from '../fhir/primitives/date.js';
import { parseReference } from '../fhir/reference.js';
import type { Backend, ResourceKey } from '../ports/backend.js';
import type { GrantUser } from '../smart/grant.js';
import { type AccessKnowledge, trustedCriteria } from './criteria.js';
import { openAccess } from './open.js';

/** Roles and teams of a person that are looked at; more of them are refused as a whole. */
const MOST = 100;
const ACCESS = openAccess('who asks').read;
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

export interface Found {
  readonly own: Member | undefined;
  /** Absent: too many. */
  readonly roles?: readonly Member[];
  readonly careTeams?: readonly Member[];
}

/** A resource and its JSON as it was stored: parsed for each use, because conditions are evaluated on trees of their own. */
export interface Member {
  readonly id: string;
  readonly parse: () => object;
}

export interface Wanted {
  readonly roles: boolean;
  readonly careTeams: boolean;
}

export async function whoAsks(
  { fhirUser }: GrantUser,
  wanted: Wanted,
  knowledge: AccessKnowledge,
  backend: Backend,
): Promise<Found> {
  if (!ID.test(fhirUser.id)) return { own: undefined };
  const reading = new Reading(knowledge, backend);
  const own = await reading.one(fhirUser);
  const roles = wanted.roles || wanted.careTeams ? await reading.roles(fhirUser) : undefined;
  const careTeams =
    wanted.careTeams && roles !== undefined ? await reading.careTeams(fhirUser, roles) : undefined;
  return {
    own,
    ...(roles === undefined ? {} : { roles }),
    ...(careTeams === undefined ? {} : { careTeams }),
  };
}

interface Period {
  readonly start?: unknown;
  readonly end?: unknown;
}

interface Role {
  readonly active?: unknown;
  readonly period?: Period;
}

interface Team {
  readonly status?: unknown;
  readonly period?: Period;
  readonly participant?: readonly {
    readonly member?: { readonly reference?: unknown };
    readonly period?: Period;
  }[];
}

class Reading {
  constructor(
    private readonly knowledge: AccessKnowledge,
    private readonly backend: Backend,
  ) {}

  async one(key: ResourceKey): Promise<Member | undefined> {
    const read = await this.backend.read(key, ACCESS);
    if (read.kind !== 'found') return undefined;
    const text = read.resource.bytes.toString('utf8');
    return { id: key.id, parse: () => JSON.parse(text) as object };
  }

  async roles({ type, id }: ResourceKey): Promise<readonly Member[] | undefined> {
    const named =
      type === 'PractitionerRole'
        ? [await this.one({ type, id })].flatMap((role) => role ?? [])
        : type === 'Practitioner'
          ? await this.#found('PractitionerRole', `practitioner=Practitioner/${id}`)
          : [];
    return named?.filter((member) => {
      const { active, period } = member.parse() as Role; // a stored PractitionerRole
      return active !== false && this.#isNow(period);
    });
  }

  async careTeams(person: ResourceKey, roles: readonly Member[]): Promise<readonly Member[] | undefined> {
    const names = new Set([
      `${person.type}/${person.id}`,
      ...roles.map(({ id }) => `PractitionerRole/${id}`),
    ]);
    const named = await this.#found('CareTeam', `status=active&participant=${[...names].join(',')}`);
    return named?.filter((member) => {
      const { status, period, participant = [] } = member.parse() as Team; // a stored CareTeam
      return (
        status === 'active' &&
        this.#isNow(period) &&
        participant.some((one) => this.#isOneOf(names, one.member?.reference) && this.#isNow(one.period))
      );
    });
  }

  async #found(type: string, search: string): Promise<readonly Member[] | undefined> {
    const where = trustedCriteria(type, search, this.knowledge);
    const ids = await this.backend.resolve(type, where, ACCESS, MOST + 1);
    if (ids.length > MOST) return undefined;
    const members = await Promise.all([...ids].sort().map((id) => this.one({ type, id })));
    return members.flatMap((member) => member ?? []);
  }

  #isOneOf(names: ReadonlySet<string>, reference: unknown): boolean {
    if (typeof reference !== 'string') return false;
    const parsed = parseReference(reference, this.knowledge.baseUrl);
    return parsed.kind === 'local' && names.has(`${parsed.type}/${parsed.id}`);
  }

  /** A period that cannot be read holds never. */
  #isNow(period: Period | undefined): boolean {
    if (period === undefined) return true;
    const { start, end } = period;
    const [from, to] = [rangeOf(start), rangeOf(end)];
    if ((start !== undefined && from === undefined) || (end !== undefined && to === undefined)) return false;
    const { now } = this.knowledge;
    return (from === undefined || from.lo <= now) && (to === undefined || now <= to.hi);
  }
}

function rangeOf(date: unknown): ReturnType<typeof dateRange> {
  return typeof date === 'string' ? dateRange(date) : undefined;
}
