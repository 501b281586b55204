/**
 * Appointments: the one that is booked next, with its slot, and one that was kept or missed.
 * https://hl7.org/fhir/R4/appointment.html
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import { bookedSlot } from '../calendar.js';
import type { Chart } from '../chart.js';
import { concept, SYSTEM } from '../concepts.js';
import { reference, STREAM, stableId } from '../identity.js';
import { SITE_SIZE } from '../site.js';
import { DAY, dateTimeText, instantText } from '../time.js';
import type { Visit } from '../visits.js';

const CHECK_UP = concept(
  SYSTEM.appointmentReason,
  'CHECKUP',
  'A routine check-up, such as an annual physical',
);
const FOLLOW_UP = concept(
  SYSTEM.appointmentReason,
  'FOLLOWUP',
  'A follow up visit from a previous appointment',
);

export function appointments(chart: Chart): ResourceObject[] {
  const { random, visits, person } = chart;
  const latest = visits.at(-1);
  const past = latest !== undefined && random.chance(0.3) ? [pastAppointment(chart, latest)] : [];
  const next = person.death === undefined && random.chance(0.6) ? nextAppointment(chart) : [];
  return [...past, ...next];
}

function pastAppointment(chart: Chart, visit: Visit): ResourceObject {
  const missed = chart.random.chance(0.15);
  return {
    resourceType: 'Appointment',
    id: chart.newId(),
    status: missed ? 'noshow' : 'fulfilled',
    appointmentType: visit.course === undefined ? CHECK_UP : FOLLOW_UP,
    description: String(visit.kind.type.text),
    start: instantText(visit.at),
    end: instantText(visit.end),
    created: dateTimeText(visit.at - 20 * DAY, chart.site.town.zone),
    participant: participants(chart, visit.practitioner.reference),
  };
}

function nextAppointment(chart: Chart): ResourceObject[] {
  const { seed, index, site, now, courses } = chart;
  const time = bookedSlot(index % SITE_SIZE, now, site.town.zone);
  const member = site.staff[time.staff];
  if (member === undefined) return [];
  const schedule = reference('Schedule', stableId(seed, STREAM.schedule, member.number));
  const start = instantText(time.start);
  const end = instantText(time.end);
  const slot: ResourceObject = {
    resourceType: 'Slot',
    id: chart.newId(),
    schedule,
    status: 'busy',
    start,
    end,
    serviceType: [member.post.specialty],
  };
  const appointment: ResourceObject = {
    resourceType: 'Appointment',
    id: chart.newId(),
    status: 'booked',
    appointmentType: courses.length > 0 ? FOLLOW_UP : CHECK_UP,
    ...(courses[0] === undefined ? {} : { reasonReference: [reference('Condition', courses[0].id)] }),
    start,
    end,
    minutesDuration: (time.end - time.start) / 60_000,
    slot: [reference('Slot', String(slot.id))],
    created: dateTimeText(now - chart.random.integer(2, 40) * DAY, site.town.zone),
    participant: participants(chart, member.reference),
  };
  return [slot, appointment];
}

function participants({ subject, site }: Chart, practitioner: JsonObject): JsonObject[] {
  return [
    { actor: subject, required: 'required', status: 'accepted' },
    { actor: practitioner, required: 'required', status: 'accepted' },
    { actor: site.clinic, required: 'information-only', status: 'accepted' },
  ];
}
