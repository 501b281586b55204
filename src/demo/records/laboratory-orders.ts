/** Which panels and single tests are drawn at a visit, by its kind, the patient's age and diseases. */
import type { Chart } from '../chart.js';
import { ageAt } from '../person.js';
import type { DiseaseName } from '../tables/diseases.js';
import type { LabName } from '../tables/labs.js';
import type { PanelName } from '../tables/panels.js';
import { VISIT_KINDS } from '../tables/visit-kinds.js';
import type { Visit } from '../visits.js';

/** Follow-ups of a disease look at these. */
const FOLLOWED: Partial<Record<DiseaseName, { panels?: readonly PanelName[]; tests?: readonly LabName[] }>> =
  {
    diabetes: { panels: ['metabolic'], tests: ['hemoglobinA1c', 'urineAlbumin'] },
    hypertension: { tests: ['creatinine', 'potassium'] },
    hyperlipidemia: { panels: ['lipid'] },
    kidneyDisease: { panels: ['metabolic'], tests: ['urineAlbumin'] },
    hypothyroidism: { tests: ['thyrotropin'] },
    anemia: { panels: ['bloodCount'] },
  };

export function panelsOf(chart: Chart, visit: Visit): readonly PanelName[] {
  const { random } = chart;
  if (visit.course !== undefined && visit.kind.measured) return FOLLOWED[visit.course.name]?.panels ?? [];
  if (visit.kind === VISIT_KINDS.inpatient) return ['metabolic', 'bloodCount', 'urinalysis'];
  if (visit.kind === VISIT_KINDS.emergency) return random.chance(0.5) ? ['metabolic', 'bloodCount'] : [];
  if (visit.kind !== VISIT_KINDS.checkUp) return [];
  const age = ageAt(chart.person, visit.at);
  const panels: PanelName[] = [];
  if (age > 20 && random.chance(0.4)) panels.push('metabolic');
  if (age > 25 && random.chance(0.45)) panels.push('lipid');
  if (random.chance(age > 20 ? 0.3 : 0.1)) panels.push('bloodCount');
  if (age > 18 && random.chance(0.08)) panels.push('urinalysis');
  return panels;
}

export function testsOf(chart: Chart, visit: Visit): readonly LabName[] {
  if (visit.course !== undefined && visit.kind.measured) return FOLLOWED[visit.course.name]?.tests ?? [];
  if (visit.kind !== VISIT_KINDS.checkUp) return [];
  if (chart.courses.some(({ name }) => name === 'diabetes')) return ['hemoglobinA1c'];
  return ageAt(chart.person, visit.at) > 45 && chart.random.chance(0.3) ? ['hemoglobinA1c'] : [];
}
