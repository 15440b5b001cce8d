import { AstBuilder, compile, GherkinClassicTokenMatcher, Parser } from '@cucumber/gherkin'
import { IdGenerator } from '@cucumber/messages'

/** One run of a scenario, with the values of one example in its steps. */
export interface Scenario {
  readonly name: string
  readonly steps: readonly ScenarioStep[]
}

interface ScenarioStep {
  readonly text: string
  /** Its table, row by row. */
  readonly rows: readonly (readonly string[])[]
}

export function readScenarios(feature: string): readonly Scenario[] {
  const newId = IdGenerator.incrementing()
  const parser = new Parser(new AstBuilder(newId), new GherkinClassicTokenMatcher())
  const counts = new Map<string, number>()
  return compile(parser.parse(feature), '', newId).map(({ name, steps }) => {
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    return {
      name: `${name} (${count})`,
      steps: steps.map(({ text, argument }) => ({
        text,
        rows: argument?.dataTable?.rows.map(({ cells }) => cells.map(({ value }) => value)) ?? [],
      })),
    }
  })
}

/** What a step does, with what its pattern captured. */
type StepAction<World> = (
  world: World,
  captured: readonly string[],
  rows: ScenarioStep['rows'],
) => void | Promise<void>
export type StepTable<World> = readonly (readonly [pattern: RegExp, action: StepAction<World>])[]

/** @throws {Error} When no pattern fits a step, or several do. */
export async function runScenario<World>(
  { steps }: Scenario,
  table: StepTable<World>,
  world: World,
): Promise<void> {
  for (const { text, rows } of steps) {
    const [fitting, ...others] = table.flatMap(([pattern, action]) => {
      const match = pattern.exec(text)
      return match === null ? [] : [{ action, captured: match.slice(1) }]
    })
    if (fitting === undefined || others.length > 0)
      throw new Error(
        `There ${fitting ? 'are several actions' : 'is no action'} for the step: ${text}`,
      )
    await fitting.action(world, fitting.captured, rows)
  }
}
