/** Validation and extraction of index values: what each resource costs beside parsing it with JSON.parse. */
import type { ResourceObject } from '#src/fhir/format/json.js';
import { parseJson } from '#src/fhir/format/parse.js';
import { knowledge } from './inside.js';
import { median, type Row, rate } from './measure.js';

const ROUNDS = 7;
const PER_ROUND = 40_000;

/** Per second of this thread's processor time. */
function perCpuSecond(work: (turn: number) => void): number {
  const before = process.cpuUsage();
  for (let turn = 0; turn < PER_ROUND; turn++) work(turn);
  const { user, system } = process.cpuUsage(before);
  return PER_ROUND / ((user + system) / 1e6);
}

export function knowledgeRows(patients: readonly string[]): readonly Row[] {
  const { validate, index } = knowledge();
  const resources = patients.map((text) => parseJson(text) as ResourceObject); // our own generator's
  const pick = (turn: number): ResourceObject => resources[turn % resources.length] as ResourceObject; // not empty
  const textAt = (turn: number): string => patients[turn % patients.length] as string; // not empty
  const measured = {
    parse: [] as number[],
    native: [] as number[],
    validate: [] as number[],
    index: [] as number[],
  };
  for (let round = 0; round < ROUNDS; round++) {
    measured.native.push(perCpuSecond((turn) => JSON.parse(textAt(turn))));
    measured.parse.push(perCpuSecond((turn) => parseJson(textAt(turn))));
    measured.validate.push(perCpuSecond((turn) => validate(pick(turn))));
    measured.index.push(perCpuSecond((turn) => index(pick(turn))));
  }
  const mean = Math.round(patients.reduce((sum, text) => sum + text.length, 0) / patients.length);
  const against = `JSON.parse, ${rate(median(measured.native))}`;
  const validated = median(measured.validate);
  return [
    {
      measure: `validation of Patients of ${mean} bytes, per CPU-second`,
      value: rate(validated),
      against,
      bar: { text: '≥ 100,000', met: validated >= 100_000 },
    },
    { measure: 'index values of the same', value: rate(median(measured.index)), against },
    {
      measure: 'parsing of the same with number literals kept',
      value: rate(median(measured.parse)),
      against,
    },
  ];
}
